// weight_eights.wgsl: loads weights in eights of halves, where neighbouring columns are neighbours in memory and 8
// divides their number.
// needs: p.w_i, p.w_tap, p.w_z from conv_params.wgsl

@group(0) @binding(2) var<storage, read> weight: array<vec4u>;

fn load_weight(tap: u32, i: u32, column: u32, z: u32) -> vec4u {
  return weight[(z * p.w_z + tap * p.w_tap + i * p.w_i + column) / 8u];
}
