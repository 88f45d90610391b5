// weight_columns.wgsl: loads lines of four weights (an X) one at a time, for any strides and any number of columns.
// needs: T, X from header; p.OG, p.w_c, p.w_i, p.w_tap, p.w_z from conv_params.wgsl;
//   line_of from lines_f16.wgsl | lines_f32.wgsl

@group(0) @binding(2) var<storage, read> weight: array<T>;

fn load_weight(tap: u32, i: u32, column: u32, z: u32) -> X {
  let at = z * p.w_z + tap * p.w_tap + i * p.w_i;
  let columns = min(vec4(column, column + 1u, column + 2u, column + 3u), vec4(p.OG - 1u)) * p.w_c + at;
  return line_of(vec4(weight[columns.x], weight[columns.y], weight[columns.z], weight[columns.w]));
}
