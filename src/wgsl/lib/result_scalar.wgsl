// result_scalar.wgsl: results one at a time, for any number of columns.

@group(0) @binding(3) var<storage, read_write> y: array<T>;

fn store(row: u32, column: u32, z: u32, value: vec4f) {
  let pixel = result_of(row);
  if (pixel < 0) { return; }
  let at = z * p.y_z + u32(pixel) * p.O + column;
  for (var k = 0u; k < min(4u, p.OG - column); k++) {
    y[at + k] = T(epilogue(value[k] + bias(z * p.OG + column + k), at + k));
  }
}
