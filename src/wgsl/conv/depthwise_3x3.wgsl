// depthwise_3x3.wgsl: y[n, oh, ow, c] = bias[c] + sum over kh, kw of x[n, oh * STRIDE - PH + kh, ow * STRIDE - PW + kw,
// c] * weight[kh, kw, c] for a 3x3 kernel, which is kept in registers; negative w_row and w_tap turn it around.
// One invocation owns two neighbouring columns of y in one channel or four (T and V hold the lanes), and goes down
// `rows` rows of them: each row of x that it reads contributes to all rows of y that need it. A workgroup shares its
// rows and no memory, so that its lanes differ in columns only. Reads four pixels of x per two of y (at stride 2: ten),
// and two extra rows of x per `rows`.
// needs: LANES, STRIDE, T, V, WORKGROUP from header; own_part from bands.wgsl;
//   bias from depthwise_bias.wgsl | depthwise_bias_none.wgsl;
//   Line, add, columns_of, load_line from depthwise_columns_1.wgsl | depthwise_columns_2.wgsl;
//   Pair, Taps from depthwise_strip.wgsl; begin_channels, epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  channels: u32,        // in lanes
  H: i32, W: i32,       // the size of x
  OH: i32, OW: u32,
  PH: i32, PW: i32,
  pairs: u32,           // of columns of y
  across: u32,          // workgroups that share rows
  images: u32,
  segments: u32,        // of rows, in an image
  rows: i32,            // in a segment
  w_first: i32,         // the place of the first tap's weight, and the distance from one row or tap to the next
  w_row: i32,
  w_tap: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> weight: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

fn taps(kh: i32, c: u32) -> Taps {
  let at = p.w_first + kh * p.w_row + i32(c);
  return Taps(V(weight[at]), V(weight[at + p.w_tap]), V(weight[at + 2 * p.w_tap]));
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
  let first = i32(own.segment) * p.rows;
  let end = min(first + p.rows, p.OH);
  let w0 = taps(0, c);
  let w1 = taps(1, c);
  let w2 = taps(2, c);
  let start = Pair(bias(c), bias(c));
  begin_channels(c * LANES);
  // Copies of what the loop uses of p: software adapters would load it again in each step.
  let at = columns_of(i32(pair * 2u * STRIDE) - p.PW, c);
  let H = p.H;
  let channels = p.channels;
  let x_row = u32(p.W) * channels;
  let y_row = p.OW * channels;
  let image = n * u32(H) * x_row;
  let both = pair * 2u + 1u < p.OW;
  // Partial sums of the next row of y to be stored, and at stride 1 of the one after it. A step reads the last row
  // of x that the first one needs.
  var sum = start;
  var next = start;
  let lead = i32(3u - STRIDE);
  var to = (n * u32(p.OH) + u32(first)) * y_row + pair * 2u * channels + c;
  for (var step = first; step < end + lead; step++) {
    let ih = step * i32(STRIDE) - p.PH;
    var v = Line();
    if ((ih >= 0) & (ih < H)) { v = load_line(image + u32(ih) * x_row, at); }
    sum = add(sum, v, w2);
    if (step >= first + lead) {
      y[to] = T(epilogue(sum.a, to * LANES));
      if (both) { y[to + channels] = T(epilogue(sum.b, (to + channels) * LANES)); }
      to += y_row;
    }
    if (STRIDE == 1u) {
      sum = add(next, v, w1);
      next = add(start, v, w0);
    } else {
      sum = add(start, v, w0);
      if ((ih >= -1) & (ih + 1 < H) & (step < end)) { sum = add(sum, load_line(image + u32(ih + 1) * x_row, at), w1); }
    }
  }
}
