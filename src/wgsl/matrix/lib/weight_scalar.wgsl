// weight_scalar.wgsl: loads weights one at a time, for any strides and any number of columns.
// needs: T from header; p.OG, p.w_c, p.w_i, p.w_tap, p.w_z from conv_params.wgsl

@group(0) @binding(2) var<storage, read> weight: array<T>;

fn load_weight(tap: u32, i: u32, column: u32, z: u32) -> vec4f {
  let at = z * p.w_z + tap * p.w_tap + i * p.w_i;
  return vec4f(
    f32(weight[at + min(column, p.OG - 1u) * p.w_c]),
    f32(weight[at + min(column + 1u, p.OG - 1u) * p.w_c]),
    f32(weight[at + min(column + 2u, p.OG - 1u) * p.w_c]),
    f32(weight[at + min(column + 3u, p.OG - 1u) * p.w_c]),
  );
}
