// tile_filter.wgsl: the operands of a filter gradient for gemm_tile.wgsl: left are source pixels by (tap, channel),
// right is dy; the inner sum is over one part of the output pixels.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; T from header; source_of from conv_direct.wgsl |
//   conv_levels.wgsl | conv_rows.wgsl; p.IG, p.KH, p.KW, p.M, p.OG, p.split, p.splits, p.x_z from conv_params.wgsl;
//   load_dy, store_part from filter_add.wgsl | filter_scalar.wgsl | filter_vec4.wgsl

@group(0) @binding(1) var<storage, read> x: array<T>;

// Neighbouring invocations read neighbouring source channels, which are rows here.
const LEFT_BY_ROW = true;

fn inner_begin(z: u32) -> u32 { return z % p.splits * p.split; }
fn inner_end(row: u32, z: u32) -> u32 { return min((z % p.splits + 1u) * p.split, p.M); }

fn load_left(row: u32, m: u32, end: u32, z: u32) -> f32 {
  let tap = row / p.IG;
  if (tap >= p.KH * p.KW || m >= end) { return 0.0; }
  let at = source_offset(source_of(m), tap / p.KW, tap % p.KW);
  if (at < 0) { return 0.0; }
  return f32(x[u32(at) + z / p.splits * p.x_z + row % p.IG]);
}

fn load_right(m: u32, column: u32, end: u32, z: u32) -> vec4f {
  if (m >= end || column >= p.OG) { return vec4f(); }
  return load_dy(m, column, z / p.splits);
}

fn store_tile(row: u32, column: u32, z: u32, value: vec4f) {
  if (row < p.KH * p.KW * p.IG && column < p.OG) { store_part(z % p.splits, row, column, z / p.splits, value); }
}
