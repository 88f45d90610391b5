// conv_columns.wgsl: y[n, oh, ow, o] = bias[o] + the sum over taps that reach the pixel of m[n, ih, iw, tap, o], what
// each source pixel of a transposed convolution adds under each tap (its other half, a matrix product, went before).
// One invocation owns the CHANNELS elements of a pixel. For each it reads as many products as taps reach it: kernel /
// stride in each direction.

struct Params {
  total: u32,     // pixels of y
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
  let pixel = invocation_index(gid, groups);
  if (pixel >= p.total) { return; }
  let row = pixel / p.OW;
  let n = row / p.OH;
  let h = row - n * p.OH + p.PH;
  let w = pixel - row * p.OW + p.PW;
  // oh + padding = ih * stride + kh: each kh with that remainder, and from one to the next one source pixel back.
  var sum = array<f32, CHANNELS>();
  var ih = h / p.SH;
  for (var kh = h % p.SH; kh < p.KH; kh += p.SH) {
    var iw = w / p.SW;
    for (var kw = w % p.SW; kw < p.KW; kw += p.SW) {
      // What is left of the first source pixel has wrapped around, and lies far beyond the last.
      let inside = (ih < p.H) & (iw < p.W);
      let first = ((n * p.H + ih) * p.W + iw) * p.columns + (kh * p.KW + kw) * CHANNELS;
      let at = select(0u, first, inside);
      for (var o = 0u; o < CHANNELS; o++) { sum[o] += select(0.0, m[at + o], inside); }
      iw -= 1u;
    }
    ih -= 1u;
  }
  for (var o = 0u; o < CHANNELS; o++) {
    let i = pixel * CHANNELS + o;
    y[i] = epilogue(sum[o] + bias(o), i);
  }
}
