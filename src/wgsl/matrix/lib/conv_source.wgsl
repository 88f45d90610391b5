// conv_source.wgsl: where the pixels of an image lie that a convolution reads (conv_levels.wgsl: those of a pyramid).
// needs: p.C, p.DH, p.DW, p.H, p.M, p.OH, p.OW, p.SH, p.SW, p.W from conv_params.wgsl

// Image, row and column of the source pixel of pixel m, where pixel 0 reads `first`; beyond the last pixel a row outside.
fn source_at(m: u32, first: vec2i) -> vec3i {
  let rest = m / p.OW;
  let row = select(-(1 << 30), i32(rest % p.OH) * p.SH + first.x, m < p.M);
  return vec3i(i32(rest / p.OH), row, i32(m % p.OW) * p.SW + first.y);
}

// Element offset of the first channel of the pixel that a tap reads, or -1 outside the source: as u32, what is negative is too large.
// Conditions are joined by & and not by &&: the compiler of a software adapter makes a branch of each &&.
fn source_offset(source: vec3i, kh: u32, kw: u32) -> i32 {
  let ih = source.y + i32(kh) * p.DH;
  let iw = source.z + i32(kw) * p.DW;
  let inside = (u32(ih) < p.H) & (u32(iw) < p.W);
  return select(-1, ((source.x * i32(p.H) + ih) * i32(p.W) + iw) * i32(p.C), inside);
}
