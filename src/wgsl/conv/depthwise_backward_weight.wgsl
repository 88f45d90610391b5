// depthwise_backward_weight.wgsl: parts[s, kh, kw, c] = the sum over the rows (n, oh) of part s, and over ow, of x[n,
// oh * SH - PH + kh * DH, ow * SW - PW + kw * DW, c] * dy[n, oh, ow, c].
// One invocation owns four taps of a row of the kernel, tap_step apart, in one channel or four (T and V hold the
// lanes); nothing is shared. From one of these taps to the next x advances as far (`roll`) as from one pixel of dy to
// the one out_step later, so that each pixel of dy reads one new pixel of x for four products. Each row has a sum of
// its own, for accuracy.
// needs: T, V, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,
  channels: u32,        // in lanes
  H: i32, W: i32,       // the size of x
  OH: u32, OW: u32,     // the size of dy
  KH: u32, KW: u32,
  SH: i32, SW: i32,
  PH: i32, PW: i32,
  DH: i32, DW: i32,
  rows: u32,            // rows of dy, in all images
  split: u32,           // of them in a part
  blocks: u32,          // blocks of four taps in a row of the kernel
  out_step: u32,
  tap_step: u32,
  roll: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read_write> parts: array<V>;

// 0 left and right of the image, W pixels wide.
fn load(at: u32, iw: i32, W: i32) -> V {
  let inside = (iw >= 0) & (iw < W);
  return select(V(0.0), V(x[select(0u, at, inside)]), inside);
}

fn store(part: u32, kh: u32, kw: u32, c: u32, v: V) {
  if (kw < p.KW) { parts[((part * p.KH + kh) * p.KW + kw) * p.channels + c] = v; }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let taps = i / p.channels;
  let c = i - taps * p.channels;
  let line_of_taps = taps / p.blocks;
  let block = taps - line_of_taps * p.blocks;
  let part = line_of_taps / p.KH;
  let kh = line_of_taps - part * p.KH;
  let turn = block / p.tap_step;
  let first = block + turn * 3u * p.tap_step;
  var s0 = V(0.0);
  var s1 = s0;
  var s2 = s0;
  var s3 = s0;
  // Copies of what the loop uses of p: software adapters would load it again in each step.
  let W = p.W;
  let OW = p.OW;
  let out_step = p.out_step;
  let roll = p.roll;
  let move_x = u32(roll) * p.channels;
  let move_dy = out_step * p.channels;
  let end = min((part + 1u) * p.split, p.rows);
  for (var row = part * p.split; row < end; row++) {
    let n = row / p.OH;
    let ih = i32(row - n * p.OH) * p.SH - p.PH + i32(kh) * p.DH;
    if ((ih < 0) | (ih >= p.H)) { continue; }
    let line = (n * u32(p.H) + u32(ih)) * u32(W);
    var r0 = V(0.0);
    var r1 = r0;
    var r2 = r0;
    var r3 = r0;
    for (var phase = 0u; phase < out_step; phase++) {
      var iw = i32(phase) * p.SW - p.PW + i32(first) * p.DW;
      var at = (line + u32(iw)) * p.channels + c;
      var from_dy = (row * OW + phase) * p.channels + c;
      var v0 = load(at, iw, W);
      var v1 = load(at + move_x, iw + roll, W);
      var v2 = load(at + 2u * move_x, iw + 2 * roll, W);
      iw += 3 * roll;
      at += 3u * move_x;
      for (var ow = phase; ow < OW; ow += out_step) {
        let v3 = load(at, iw, W);
        let g = V(dy[from_dy]);
        r0 += v0 * g;
        r1 += v1 * g;
        r2 += v2 * g;
        r3 += v3 * g;
        v0 = v1;
        v1 = v2;
        v2 = v3;
        iw += roll;
        at += move_x;
        from_dy += move_dy;
      }
    }
    s0 += r0;
    s1 += r1;
    s2 += r2;
    s3 += r3;
  }
  store(part, kh, first, c, s0);
  store(part, kh, first + p.tap_step, c, s1);
  store(part, kh, first + 2u * p.tap_step, c, s2);
  store(part, kh, first + 3u * p.tap_step, c, s3);
}
