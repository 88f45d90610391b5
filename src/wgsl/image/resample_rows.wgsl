// resample_rows.wgsl: y[n, oh, ow, c] = sum over a < DEPTH, b < TAPS of
// wh[oh, a] * ww[ow, b] * x[n, fh[oh] + a, fw[ow] + b, c], where DEPTH and TAPS are at most 8.
// One invocation owns one column of y (dst) in one channel or four (T, U and V hold the lanes), and goes down `rows`
// rows of it: it adds up the TAPS of a row of x (src) once, and keeps the sums of the last DEPTH rows in registers. A
// workgroup shares its rows and no memory, so that all lanes advance to the next row of x together. Reads TAPS elements
// of x per row of x that a window names, writes y once.
// needs: DEPTH, LANES, T, TAPS, U, V, WORKGROUP from header; own_part from bands.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  channels: u32,     // in lanes
  height: u32,
  width: u32,
  out_height: u32,
  out_width: u32,
  across: u32,       // workgroups that share rows
  images: u32,
  segments: u32,     // of rows, in an image
  rows: u32,         // in a segment
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> src: array<T>;
@group(0) @binding(2) var<storage, read> windows: array<u32>;  // where each begins: rows, then columns, in order
@group(0) @binding(3) var<storage, read> weights: array<f32>;  // DEPTH for a row, TAPS for a column
@group(0) @binding(4) var<storage, read_write> dst: array<U>;

struct Tap { at: u32, weight: f32 }
struct Taps { t0: Tap, t1: Tap, t2: Tap, t3: Tap, t4: Tap, t5: Tap, t6: Tap, t7: Tap }

fn tap(ow: u32, c: u32, k: u32) -> Tap {
  if (k >= TAPS) { return Tap(); }
  let iw = windows[p.out_height + ow] + k;
  return Tap(iw * p.channels + c, weights[p.out_height * DEPTH + ow * TAPS + k]);
}

// A weight of 0 means that the pixel is outside the window; its value may be infinite.
fn weighed(weight: f32, v: V) -> V {
  return select(V(0.0), weight * v, weight != 0.0);
}

fn pixel(row: u32, tap: Tap) -> V {
  return weighed(tap.weight, V(src[row + tap.at]));
}

fn line(row: u32, taps: Taps) -> V {
  var sum = pixel(row, taps.t0);
  if (TAPS > 1u) { sum += pixel(row, taps.t1); }
  if (TAPS > 2u) { sum += pixel(row, taps.t2); }
  if (TAPS > 3u) { sum += pixel(row, taps.t3); }
  if (TAPS > 4u) { sum += pixel(row, taps.t4); }
  if (TAPS > 5u) { sum += pixel(row, taps.t5); }
  if (TAPS > 6u) { sum += pixel(row, taps.t6); }
  if (TAPS > 7u) { sum += pixel(row, taps.t7); }
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let own = own_part(local, group, groups);
  if ((own.image >= p.images) | (own.column >= p.out_width)) { return; }
  let n = own.image;
  let ow = own.column;
  let c = own.channel;
  let first = own.segment * p.rows;
  let end = min(first + p.rows, p.out_height);
  let taps = Taps(
    tap(ow, c, 0u), tap(ow, c, 1u), tap(ow, c, 2u), tap(ow, c, 3u),
    tap(ow, c, 4u), tap(ow, c, 5u), tap(ow, c, 6u), tap(ow, c, 7u),
  );
  // Copies of what the loop uses of p: software adapters would load it again in each step.
  let x_row = p.width * p.channels;
  let y_row = p.out_width * p.channels;
  let image = n * p.height * x_row;
  // The last rows of x, the latest first, and the next one.
  var r0 = V(0.0);
  var r1 = r0;
  var r2 = r0;
  var r3 = r0;
  var r4 = r0;
  var r5 = r0;
  var r6 = r0;
  var r7 = r0;
  var next = 0u;
  var to = (n * p.out_height + first) * y_row + ow * p.channels + c;
  for (var oh = first; oh < end; oh++) {
    let top = windows[oh];
    for (next = max(next, top); next < top + DEPTH; next++) {
      r7 = r6;
      r6 = r5;
      r5 = r4;
      r4 = r3;
      r3 = r2;
      r2 = r1;
      r1 = r0;
      r0 = line(image + next * x_row, taps);
    }
    let last = oh * DEPTH + DEPTH - 1u;
    var sum = weighed(weights[last], r0);
    if (DEPTH > 1u) { sum += weighed(weights[last - 1u], r1); }
    if (DEPTH > 2u) { sum += weighed(weights[last - 2u], r2); }
    if (DEPTH > 3u) { sum += weighed(weights[last - 3u], r3); }
    if (DEPTH > 4u) { sum += weighed(weights[last - 4u], r4); }
    if (DEPTH > 5u) { sum += weighed(weights[last - 5u], r5); }
    if (DEPTH > 6u) { sum += weighed(weights[last - 6u], r6); }
    if (DEPTH > 7u) { sum += weighed(weights[last - 7u], r7); }
    dst[to] = U(epilogue(sum, to * LANES));
    to += y_row;
  }
}
