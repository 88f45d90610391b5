// tile_conv.wgsl: the operands of a convolution for gemm_tile.wgsl: left are source pixels, right are weights.

@group(0) @binding(1) var<storage, read> x: array<T>;

// Neighbouring invocations read neighbouring source channels.
const LEFT_BY_ROW = false;

fn inner_begin(z: u32) -> u32 { return 0u; }
fn inner_end(z: u32) -> u32 { return p.KH * p.KW * p.IG; }

fn load_left(row: u32, k: u32, end: u32, z: u32) -> f32 {
  if (row >= p.M || k >= end) { return 0.0; }
  let tap = k / p.IG;
  let n = i32(row / (p.OW * p.OH));
  let at = source_offset(n, i32(row / p.OW % p.OH), i32(row % p.OW), i32(tap / p.KW), i32(tap % p.KW));
  if (at < 0) { return 0.0; }
  return f32(x[u32(at) + z * p.x_z + k % p.IG]);
}

fn load_right(k: u32, column: u32, end: u32, z: u32) -> vec4f {
  if (k >= end || column >= p.OG) { return vec4f(); }
  return load_weight(k / p.IG, k % p.IG, column, z);
}

fn store_tile(row: u32, column: u32, z: u32, value: vec4f) {
  if (row < p.M && column < p.OG) { store(row, column, z, value); }
}
