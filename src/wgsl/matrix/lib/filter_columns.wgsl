// filter_columns.wgsl: loads lines of four values of dy (an X) and stores the parts of dw one at a time, for any number of
// channels.
// needs: T, X from header; p.IG, p.KH, p.KW, p.O, p.OG, p.y_z from conv_params.wgsl;
//   line_of from lines_f16.wgsl | lines_f32.wgsl

@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;

fn load_dy(m: u32, column: u32, z: u32) -> X {
  let columns = min(vec4(column, column + 1u, column + 2u, column + 3u), vec4(p.OG - 1u)) + m * p.O + z * p.y_z;
  return line_of(vec4(dy[columns.x], dy[columns.y], dy[columns.z], dy[columns.w]));
}

fn store_part(part: u32, row: u32, column: u32, z: u32, value: vec4f) {
  let at = (part * p.KH * p.KW * p.IG + row) * p.O + z * p.y_z + column;
  for (var k = 0u; k < min(4u, p.OG - column); k++) {
    parts[at + k] = value[k];
  }
}
