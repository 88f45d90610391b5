// conv_transposed.wgsl: which source pixel a tap of a transposed convolution reads: o = i * stride - padding +
// k * dilation, solved for i; a tap that falls between two source pixels reads nothing.

// Conditions are joined by & and not by &&: a software adapter's compiler takes a branch for each &&.
// Element offset of the pixel's first channel, or -1 where there is none. n is the image's number.
fn source_offset(n: i32, oh: i32, ow: i32, kh: i32, kw: i32) -> i32 {
  let th = oh + p.PH - kh * p.DH;
  let tw = ow + p.PW - kw * p.DW;
  let ih = th / p.SH;
  let iw = tw / p.SW;
  let inside = (th >= 0) & (tw >= 0) & (ih * p.SH == th) & (iw * p.SW == tw) & (ih < i32(p.H)) & (iw < i32(p.W));
  return select(-1, ((n * i32(p.H) + ih) * i32(p.W) + iw) * i32(p.C), inside);
}
