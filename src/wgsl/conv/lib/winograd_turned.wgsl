// winograd_turned.wgsl: the weight [3,3,O,C] of a transposed convolution with each filter turned around, for
// winograd_weight.wgsl.
// needs: T, V from header; p.channels, p.columns from winograd_weight.wgsl

@group(0) @binding(1) var<storage, read> weight: array<T>;

fn load(tap: u32, c: u32, column: u32) -> V {
  let at = ((8u - tap) * p.columns + column) * 4u * p.channels + c;
  return V(
    f32(weight[at]),
    f32(weight[at + p.channels]),
    f32(weight[at + 2u * p.channels]),
    f32(weight[at + 3u * p.channels]),
  );
}
