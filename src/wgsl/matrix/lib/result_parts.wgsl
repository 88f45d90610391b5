// result_parts.wgsl: one part of an inner sum, in fours: sum_parts.wgsl adds the parts, the bias and what is fused.

@group(0) @binding(3) var<storage, read_write> parts: array<vec4f>;

fn begin_columns(column: u32, part: u32) {}

fn store_row(row: u32, column: u32, part: u32, value: vec4f) {
  let pixel = result_of(row);
  if (pixel < 0) { return; }
  parts[(part * p.y_z + u32(pixel) * p.O + column) / 4u] = value;
}
