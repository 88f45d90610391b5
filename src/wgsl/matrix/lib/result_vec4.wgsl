// result_vec4.wgsl: stores results in fours, where 4 divides the number of columns.
// needs: T from header; bias from bias.wgsl | bias_none.wgsl; finish from sum_absolutes.wgsl | sum_products.wgsl |
//   sum_squares.wgsl; result_of from conv_direct.wgsl | conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; p.O, p.y_z
//   from conv_params.wgsl; begin_channels, epilogue from epilogue_none.wgsl | fused.ts

@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;

var<private> added: vec4f;

// To be called before store_row: prepares what all rows of these columns share.
fn begin_columns(column: u32, z: u32) {
  let channel = (z * p.y_z + column) % p.O;
  added = vec4f(bias(channel), bias(channel + 1u), bias(channel + 2u), bias(channel + 3u));
  begin_channels(channel);
}

fn store_row(row: u32, column: u32, z: u32, value: vec4f) {
  let pixel = result_of(row);
  if (pixel < 0) { return; }
  let at = z * p.y_z + u32(pixel) * p.O + column;
  y[at / 4u] = vec4<T>(epilogue(finish(value) + added, at));
}
