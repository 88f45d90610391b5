// weight_blocks.wgsl: loads weights in fours, where those of 32 columns lie together: the ones of an inner element are
// neighbours of the ones of the next, so that a workgroup reads one line of memory after the other.
// needs: T from header; p.w_c, p.w_tap, p.w_z from conv_params.wgsl

@group(0) @binding(2) var<storage, read> weight: array<vec4<T>>;

fn load_weight(tap: u32, i: u32, column: u32, z: u32) -> vec4f {
  return vec4f(weight[(z * p.w_z + tap * p.w_tap + column / 32u * p.w_c + i * 32u + column % 32u) / 4u]);
}
