// class_weight.wgsl: one weight a class, from a tensor.

@group(0) @binding(6) var<storage, read> weight: array<T>;

fn class_weight(c: u32) -> f32 {
  return f32(weight[c]);
}
