// weight_vec4.wgsl: loads weights in fours, where neighbouring columns are neighbours in memory and 4 divides their
// number.
// needs: T from header; p.w_i, p.w_tap, p.w_z from conv_params.wgsl

@group(0) @binding(2) var<storage, read> weight: array<vec4<T>>;

fn load_weight(tap: u32, i: u32, column: u32, z: u32) -> vec4f {
  return vec4f(weight[(z * p.w_z + tap * p.w_tap + i * p.w_i + column) / 4u]);
}
