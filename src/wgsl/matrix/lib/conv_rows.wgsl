// conv_rows.wgsl: a matrix product's rows, as pixels of an image one pixel high, so that none is found by divisions.

// What comes before all other questions about these rows: taps along the height and the width, and the first of them.
fn begin_rows(row: u32) -> vec3u {
  return vec3u(1u, 1u, 0u);
}

// The source pixel: image, row and column.
fn source_of(row: u32) -> vec3i {
  return vec3i(0, select(-1, 0, row < p.M), i32(row));
}

// The result's pixel, or -1 beyond the last.
fn result_of(row: u32) -> i32 {
  return select(-1, i32(row), row < p.M);
}
