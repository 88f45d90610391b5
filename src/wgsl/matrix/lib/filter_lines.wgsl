// filter_lines.wgsl: loads dy in lines of WIDTH (an X) and stores the parts of dw in fours, where WIDTH divides the channels
// of a group.
// needs: X from header; p.IG, p.KH, p.KW, p.O, p.y_z from conv_params.wgsl; WIDTH from gemm_gpu.wgsl | gemm_matrix.wgsl

@group(0) @binding(2) var<storage, read> dy: array<X>;
@group(0) @binding(3) var<storage, read_write> parts: array<vec4f>;

fn load_dy(m: u32, column: u32, z: u32) -> X {
  return dy[(m * p.O + z * p.y_z + column) / WIDTH];
}

fn store_part(part: u32, row: u32, column: u32, z: u32, value: vec4f) {
  parts[((part * p.KH * p.KW * p.IG + row) * p.O + z * p.y_z + column) / 4u] = value;
}
