// conv_direct.wgsl: rows of a convolution's GEMM: the pixels of the result, in order; each uses all taps.
// needs: source_at from conv_source.wgsl; p.KH, p.KW, p.M, p.PH, p.PW from conv_params.wgsl

// To be called before the other functions: the taps along the height and the width, and the number of the first one.
fn begin_rows(row: u32) -> vec3u {
  return vec3u(p.KH, p.KW, 0u);
}

// The source pixel under the first tap: image, row and column.
fn source_of(row: u32) -> vec3i {
  return source_at(row, vec2i(-p.PH, -p.PW));
}

// The result's pixel, or -1 beyond the last.
fn result_of(row: u32) -> i32 {
  return select(-1, i32(row), row < p.M);
}
