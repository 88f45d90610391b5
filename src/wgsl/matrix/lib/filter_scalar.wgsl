// filter_scalar.wgsl: loads dy and stores the parts of dw one at a time, for any number of channels.
// needs: T from header; p.IG, p.KH, p.KW, p.O, p.OG, p.y_z from conv_params.wgsl

@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;

fn load_dy(m: u32, column: u32, z: u32) -> vec4f {
  let at = m * p.O + z * p.y_z;
  let last = p.OG - 1u;
  return vec4f(
    f32(dy[at + min(column, last)]),
    f32(dy[at + min(column + 1u, last)]),
    f32(dy[at + min(column + 2u, last)]),
    f32(dy[at + min(column + 3u, last)]),
  );
}

fn store_part(part: u32, row: u32, column: u32, z: u32, value: vec4f) {
  let at = (part * p.KH * p.KW * p.IG + row) * p.O + z * p.y_z + column;
  for (var k = 0u; k < min(4u, p.OG - column); k++) {
    parts[at + k] = value[k];
  }
}
