// filter_vec4.wgsl: loads dy and stores the parts of dw in fours, where 4 divides the channels of a group.
// needs: T from header; p.IG, p.KH, p.KW, p.O, p.y_z from conv_params.wgsl

@group(0) @binding(2) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(3) var<storage, read_write> parts: array<vec4f>;

fn load_dy(m: u32, column: u32, z: u32) -> vec4f {
  return vec4f(dy[(m * p.O + z * p.y_z + column) / 4u]);
}

fn store_part(part: u32, row: u32, column: u32, z: u32, value: vec4f) {
  parts[((part * p.KH * p.KW * p.IG + row) * p.O + z * p.y_z + column) / 4u] = value;
}
