// conv_direct.wgsl: which source pixel a tap of a convolution reads: i = o * stride - padding + k * dilation.

// Conditions are joined by & and not by &&: a software adapter's compiler takes a branch for each &&.
// Element offset of the pixel's first channel, or -1 outside the source. n is the image's number.
fn source_offset(n: i32, oh: i32, ow: i32, kh: i32, kw: i32) -> i32 {
  let ih = oh * p.SH - p.PH + kh * p.DH;
  let iw = ow * p.SW - p.PW + kw * p.DW;
  let inside = (ih >= 0) & (ih < i32(p.H)) & (iw >= 0) & (iw < i32(p.W));
  return select(-1, ((n * i32(p.H) + ih) * i32(p.W) + iw) * i32(p.C), inside);
}
