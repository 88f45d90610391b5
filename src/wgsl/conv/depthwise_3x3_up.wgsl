// depthwise_3x3_up.wgsl: y[n, oh, ow, c] = bias[c] + sum of x[n, ih, iw, c] * weight[kh, kw, c] where oh = 2 * ih - PH
// + kh and ow = 2 * iw - PW + kw: a transposed convolution with a 3x3 kernel and stride 2.
// One invocation owns two neighbouring columns of y in one channel or four (T and V hold the lanes), and goes down
// `rows` pairs of rows: the upper left pixel of a 2x2 square takes the corners of the kernel, its neighbours two taps
// each, and the last one the center. A workgroup shares its rows and no memory. Reads two pixels of x per four of y,
// and one extra row of x per `rows`.
// needs: LANES, T, V, WORKGROUP from header; own_part from bands.wgsl;
//   bias from depthwise_bias.wgsl | depthwise_bias_none.wgsl;
//   begin_channels, epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  channels: u32,        // in lanes
  H: i32, W: i32,       // the size of x
  OH: i32, OW: i32,
  PH: i32, PW: i32,
  pairs: u32,           // of columns of y
  across: u32,          // workgroups that share rows
  images: u32,
  segments: u32,        // of rows, in an image
  rows: i32,            // pairs of rows in a segment
  steps: i32,           // and in an image
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> weight: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

struct Pair { a: V, b: V }
struct Taps { a: V, b: V, c: V }

fn taps(kh: u32, c: u32) -> Taps {
  let at = kh * 3u * p.channels + c;
  return Taps(V(weight[at]), V(weight[at + p.channels]), V(weight[at + 2u * p.channels]));
}

// Pixels iw - 1 and iw of a row of x, 0 outside.
fn load(image: u32, ih: i32, iw: i32, c: u32) -> Pair {
  var v = Pair();
  if ((ih >= 0) & (ih < p.H)) {
    let row = image + u32(ih) * u32(p.W) * p.channels + c;
    let a = (iw >= 1) & (iw <= p.W);
    let b = iw < p.W;
    v.a = select(V(0.0), V(x[row + select(0u, u32(iw - 1), a) * p.channels]), a);
    v.b = select(V(0.0), V(x[row + select(0u, u32(iw), b) * p.channels]), b);
  }
  return v;
}

fn store(row: u32, ow: i32, c: u32, v: V) {
  if ((ow >= 0) & (ow < p.OW)) {
    let i = (row * u32(p.OW) + u32(ow)) * p.channels + c;
    y[i] = T(epilogue(v, i * LANES));
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let own = own_part(local, group, groups);
  if ((own.image >= p.images) | (own.column >= p.pairs)) { return; }
  let n = own.image;
  let pair = own.column;
  let c = own.channel;
  let w0 = taps(0u, c);
  let w1 = taps(1u, c);
  let w2 = taps(2u, c);
  let start = bias(c);
  begin_channels(c * LANES);
  let image = n * u32(p.H * p.W) * p.channels;
  // Row ih and column iw of x are first used where y + P is twice as large.
  let iw = i32(pair) + p.PW / 2;
  let ow = 2 * iw - p.PW;
  let first = i32(own.segment) * p.rows + p.PH / 2;
  let end = min(first + p.rows, p.steps + p.PH / 2);
  var above = load(image, first - 1, iw, c);
  for (var ih = first; ih < end; ih++) {
    let v = load(image, ih, iw, c);
    let oh = 2 * ih - p.PH;
    let row = n * u32(p.OH) + u32(oh);
    if (oh >= 0) {
      store(row, ow, c, start + v.b * w0.a + v.a * w0.c + above.b * w2.a + above.a * w2.c);
      store(row, ow + 1, c, start + v.b * w0.b + above.b * w2.b);
    }
    if (oh + 1 < p.OH) {
      store(row + 1u, ow, c, start + v.b * w1.a + v.a * w1.c);
      store(row + 1u, ow + 1, c, start + v.b * w1.b);
    }
    above = v;
  }
}
