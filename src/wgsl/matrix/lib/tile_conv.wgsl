// tile_conv.wgsl: the operands of a convolution for gemm_tile.wgsl: left are source pixels, right are weights.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; T from header; begin_rows, source_of from conv_direct.wgsl
//   | conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; tap_number, p.IG, p.OG, p.x_z from conv_params.wgsl;
//   begin_columns, store_row from result_scalar.wgsl | result_vec4.wgsl; load_weight from weight_scalar.wgsl |
//   weight_vec4.wgsl

@group(0) @binding(1) var<storage, read> x: array<T>;

// Neighbouring invocations read neighbouring source channels.
const LEFT_BY_ROW = false;

var<private> taps: vec3u;

fn inner_begin(z: u32) -> u32 { return 0u; }
fn inner_end(row: u32, z: u32) -> u32 {
  // WGSL takes a private variable to be non-uniform; the end of the loop must be uniform.
  let all = begin_rows(row);
  taps = all;
  return all.x * all.y * p.IG;
}

fn load_left(row: u32, k: u32, end: u32, z: u32) -> f32 {
  if (k >= end) { return 0.0; }
  let tap = k / p.IG;
  let at = source_offset(source_of(row), tap / taps.y, tap % taps.y);
  if (at < 0) { return 0.0; }
  return f32(x[u32(at) + z * p.x_z + k % p.IG]);
}

fn load_right(k: u32, column: u32, end: u32, z: u32) -> vec4f {
  if (k >= end || column >= p.OG) { return vec4f(); }
  let tap = k / p.IG;
  return load_weight(tap_number(taps, tap / taps.y, tap % taps.y), k % p.IG, column, z);
}

fn store_tile(row: u32, column: u32, z: u32, value: vec4f) {
  if (column >= p.OG) { return; }
  begin_columns(column, z);
  store_row(row, column, z, value);
}
