// result_scalar.wgsl: stores results one at a time, for any number of columns.
// needs: T from header; bias from bias.wgsl | bias_none.wgsl; finish from sum_absolutes.wgsl | sum_products.wgsl |
//   sum_squares.wgsl; result_of from conv_direct.wgsl | conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; p.O, p.OG,
//   p.y_z from conv_params.wgsl; begin_channels, epilogue from epilogue_none.wgsl | fused.ts

@group(0) @binding(3) var<storage, read_write> y: array<T>;

var<private> channel: u32;

// To be called before store_row: prepares what all rows of these columns share.
fn begin_columns(column: u32, z: u32) {
  channel = (z * p.y_z + column) % p.O;
}

fn store_row(row: u32, column: u32, z: u32, value: vec4f) {
  let pixel = result_of(row);
  if (pixel < 0) { return; }
  let at = z * p.y_z + u32(pixel) * p.O + column;
  let sums = finish(value);
  for (var k = 0u; k < min(4u, p.OG - column); k++) {
    begin_channels(channel + k);
    y[at + k] = T(epilogue(sums[k] + bias(channel + k), at + k));
  }
}
