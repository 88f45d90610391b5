// class_weight.wgsl: the weight of each class, from a tensor.
// needs: T from header

@group(0) @binding(6) var<storage, read> weight: array<T>;

fn class_weight(c: u32) -> f32 {
  return f32(weight[c]);
}
