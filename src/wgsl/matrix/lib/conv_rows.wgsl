// conv_rows.wgsl: rows of a matrix product's GEMM: the pixels of an image of height 1, found without divisions.
// needs: p.M from conv_params.wgsl

// To be called before the other functions: the taps along the height and the width, and the number of the first one.
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
