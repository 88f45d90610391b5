// conv_columns.wgsl: a transposed convolution from the products of its pixels with all taps:
// y[n, oh, ow, o] = bias[o] + the sum of m[n, ih, iw, tap, o] over the taps that reach the pixel. The matrix product
// before it computes m.
// One invocation owns the CHANNELS elements of WIDTH neighbouring pixels, COUNT in all; nothing is shared. WIDTH is the
// stride where that is small, so that all of them take neighbouring taps of the same source pixels; of the last source
// pixel they use the first TAIL elements only. Reads taps * channels / stride^2 products per pixel.
// needs: CHANNELS, COUNT, TAIL, WIDTH, WORKGROUP from header; invocation_index from grid.wgsl;
//   bias from bias.wgsl | bias_none.wgsl; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,     // invocations
  across: u32,    // in a row of y
  columns: u32,   // elements of m from one source pixel to the next
  H: u32, W: u32,   // the source's size
  OH: u32, OW: u32, // the result's
  KH: u32, KW: u32,
  SH: u32, SW: u32,
  PH: u32, PW: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i / p.across;
  let n = row / p.OH;
  let h = row - n * p.OH + p.PH;
  // Where WIDTH is the stride, pixels begin where the first tap meets a source pixel: the first of them is left of y.
  let w = (i - row * p.across + p.PW / WIDTH) * WIDTH;
  // oh + padding = ih * stride + kh: every kh with that remainder; from one to the next ih decreases by 1.
  var sum = array<f32, COUNT>();
  var ih = h / p.SH;
  for (var kh = h % p.SH; kh < p.KH; kh += p.SH) {
    var iw = w / p.SW;
    var kw = w % p.SW;
    // A column left of the first source pixel has wrapped around to far beyond the last one.
    for (; kw + WIDTH <= p.KW; kw += p.SW) {
      let inside = (ih < p.H) & (iw < p.W);
      let at = select(0u, ((n * p.H + ih) * p.W + iw) * p.columns + (kh * p.KW + kw) * CHANNELS, inside);
      for (var k = 0u; k < COUNT; k++) { sum[k] += select(0.0, m[at + k], inside); }
      iw -= 1u;
    }
    if (TAIL > 0u) {
      let inside = (ih < p.H) & (iw < p.W);
      let at = select(0u, ((n * p.H + ih) * p.W + iw) * p.columns + (kh * p.KW + kw) * CHANNELS, inside);
      for (var k = 0u; k < TAIL; k++) { sum[k] += select(0.0, m[at + k], inside); }
    }
    ih -= 1u;
  }
  for (var k = 0u; k < WIDTH; k++) {
    let ow = i32(w + k) - i32(p.PW);
    if ((ow >= 0) & (ow < i32(p.OW))) {
      for (var o = 0u; o < CHANNELS; o++) {
        let at = (row * p.OW + u32(ow)) * CHANNELS + o;
        y[at] = epilogue(sum[k * CHANNELS + o] + bias(o), at);
      }
    }
  }
}
