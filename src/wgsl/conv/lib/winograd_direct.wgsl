// winograd_direct.wgsl: the weight [3,3,C,O] of a convolution, for winograd_weight.wgsl.
// needs: T, V from header; p.channels, p.columns from winograd_weight.wgsl

@group(0) @binding(1) var<storage, read> weight: array<vec4<T>>;

fn load(tap: u32, c: u32, column: u32) -> V {
  return V(weight[(tap * p.channels + c) * p.columns + column]);
}
