// weight_columns.wgsl: loads lines of four weights (an X) one at a time, for any strides and any number of columns. Lines are
// inner elements; nothing is stored of columns that do not exist, so that they may hold anything.
// needs: T, X from header; Lines from gpu_lines.wgsl; p.OG, p.w_c, p.w_i, p.w_tap, p.w_z from conv_params.wgsl;
//   line_of from lines_f16.wgsl | lines_f32.wgsl

@group(0) @binding(2) var<storage, read> weight: array<T>;

const RIGHT_BY_COLUMN = false;

fn load_line(columns: vec4u) -> X {
  return line_of(vec4(weight[columns.x], weight[columns.y], weight[columns.z], weight[columns.w]));
}

fn load_weights(tap: u32, i: u32, column: u32, z: u32, on: bool) -> Lines {
  let first = vec4u(select(0u, column, column < p.OG));
  let at = z * p.w_z + tap * p.w_tap + i * p.w_i;
  let columns = min(first + vec4(0u, 1u, 2u, 3u), vec4u(p.OG - 1u)) * p.w_c + at;
  return Lines(
    load_line(columns),
    load_line(columns + p.w_i),
    load_line(columns + 2u * p.w_i),
    load_line(columns + 3u * p.w_i),
    vec4<bool>(on),
  );
}
