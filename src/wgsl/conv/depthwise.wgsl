// depthwise.wgsl: y[n, oh, ow, c] = bias[c] + sum over kh, kw of x[n, ih, iw, c] * weight[kh, kw, c], with ih = (oh *
// SH - PH + kh * DH) / DIV_H where that is whole and inside, and iw alike. DIV is 1 for a convolution and the stride
// for a transposed one, which goes through its kernel backwards.
// One invocation owns four pixels of a row of y, out_step apart, in one channel or four (T and V hold the lanes);
// nothing is shared. From one of these pixels to the next x advances as far (`roll`) as from one tap to the one
// tap_step later, so that each tap reads one new pixel of x for four of y. Neighbours own neighbouring channels. Reads
// 1 + 3 / KW elements of x and one of weight per four products.
// needs: DIV_H, DIV_W, LANES, T, V, WORKGROUP from header; invocation_index from grid.wgsl;
//   bias from depthwise_bias.wgsl | depthwise_bias_none.wgsl;
//   begin_channels, epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,
  channels: u32,        // in lanes
  H: i32, W: i32,       // the size of x
  OH: u32, OW: u32,
  KH: i32, KW: i32,
  SH: i32, SW: i32,     // x advances by S / DIV from one pixel of y to the next,
  PH: i32, PW: i32,     // from -P / DIV on,
  DH: i32, DW: i32,     // by D / DIV from one tap to the next
  parts: u32,           // invocations that share a row of y in one channel
  out_step: u32,
  tap_step: i32,
  roll: i32,
  w_first: i32,         // the place of the first tap's weight, and the distance from one row or tap to the next
  w_row: i32,
  w_tap: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> weight: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

// 0 left and right of the image, W pixels wide.
fn load(at: u32, iw: i32, W: i32) -> V {
  let inside = u32(iw) < u32(W);
  return select(V(0.0), V(x[select(0u, at, inside)]), inside);
}

fn store(row: u32, ow: u32, c: u32, v: V) {
  if (ow < p.OW) {
    let i = (row * p.OW + ow) * p.channels + c;
    y[i] = T(epilogue(v, i * LANES));
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let block = i / p.channels;
  let c = i - block * p.channels;
  let row = block / p.parts;
  let part = block - row * p.parts;
  let n = row / p.OH;
  let first = part + part / p.out_step * 3u * p.out_step;
  let top = i32(row - n * p.OH) * p.SH - p.PH;
  let left = i32(first) * p.SW - p.PW;
  var s0 = bias(c);
  var s1 = s0;
  var s2 = s0;
  var s3 = s0;
  // Copies of what the loop uses of p: software adapters would load it again in each step.
  let KW = p.KW;
  let tap_step = p.tap_step;
  let roll = p.roll;
  let move_x = u32(roll) * p.channels;
  let move_w = tap_step * p.w_tap;
  for (var kh = 0; kh < p.KH; kh++) {
    let th = top + kh * p.DH;
    let ih = th / i32(DIV_H);
    if (DIV_H > 1u) {
      if (ih * i32(DIV_H) != th) { continue; }
    }
    // A row above or below the image has no pixels inside: that costs time at borders only, and less than a branch.
    let W = select(0, p.W, (th >= 0) & (ih < p.H));
    let line = (n * u32(p.H) + u32(ih)) * u32(W);
    for (var tap = 0; tap < tap_step; tap++) {
      let tw = left + tap * p.DW;
      var iw = tw / i32(DIV_W);
      if (DIV_W > 1u) {
        if (iw * i32(DIV_W) != tw) { continue; }
      }
      var at = (line + u32(iw)) * p.channels + c;
      var w = p.w_first + kh * p.w_row + tap * p.w_tap + i32(c);
      var v0 = load(at, iw, W);
      iw += roll;
      at += move_x;
      var v1 = load(at, iw, W);
      iw += roll;
      at += move_x;
      var v2 = load(at, iw, W);
      for (var kw = tap; kw < KW; kw += tap_step) {
        iw += roll;
        at += move_x;
        let v3 = load(at, iw, W);
        let factor = V(weight[w]);
        s0 += v0 * factor;
        s1 += v1 * factor;
        s2 += v2 * factor;
        s3 += v3 * factor;
        v0 = v1;
        v1 = v2;
        v2 = v3;
        w += move_w;
      }
    }
  }
  begin_channels(c * LANES);
  store(row, first, c, s0);
  store(row, first + p.out_step, c, s1);
  store(row, first + 2u * p.out_step, c, s2);
  store(row, first + 3u * p.out_step, c, s3);
}
