// result_parts.wgsl: stores one part of an inner sum, in fours: sum_parts.wgsl adds the parts, the bias and the
// epilogue.
// needs: result_of from conv_direct.wgsl | conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; p.O, p.y_z from
//   conv_params.wgsl

@group(0) @binding(3) var<storage, read_write> parts: array<vec4f>;

fn begin_columns(column: u32, part: u32) {}

fn store_row(row: u32, column: u32, part: u32, value: vec4f) {
  let pixel = result_of(row);
  if (pixel < 0) { return; }
  parts[(part * p.y_z + u32(pixel) * p.O + column) / 4u] = value;
}
