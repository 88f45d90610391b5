// winograd_direct.wgsl: a convolution's weight [3,3,C,O], for winograd_weight.wgsl.

@group(0) @binding(1) var<storage, read> weight: array<vec4<T>>;

fn load(tap: u32, c: u32, column: u32) -> V {
  return V(weight[(tap * p.channels + c) * p.columns + column]);
}
