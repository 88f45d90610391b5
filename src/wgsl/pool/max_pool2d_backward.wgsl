// max_pool2d_backward.wgsl: dx[n, h, w, c] = the sum of dy over the windows whose maximum is at (h, w).
// One invocation owns one element of dx, or four channels of it (T, V, VI hold the lanes); nothing is shared. It adds
// up the windows that cover its cell in order, so the sum needs no atomics and is the same on every run. Reads, for
// each of these windows (kernel / stride on each axis, rounded up), one index and one element of dy.
// needs: LANES, T, V, VI, WORKGROUP from header; invocation_index from grid.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,        // elements of dx, in lanes
  height: u32,
  width: u32,
  channels: u32,     // in lanes
  out_height: i32,
  out_width: i32,
  stride_h: i32,
  stride_w: i32,
  padding_h: i32,
  padding_w: i32,
  reach_h: i32,      // dilation * (kernel - 1)
  reach_w: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> indices: array<VI>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i % p.channels;
  let pixel = i / p.channels;
  let row = pixel / p.width;
  let n = row / p.height;
  let h = i32(row % p.height) + p.padding_h;
  let w = i32(pixel % p.width) + p.padding_w;
  let here = VI(i32(pixel - n * p.height * p.width));
  // The first window that reaches this cell, and the last that begins at or before it.
  let first_h = (max(h - p.reach_h, 0) + p.stride_h - 1) / p.stride_h;
  let first_w = (max(w - p.reach_w, 0) + p.stride_w - 1) / p.stride_w;
  let last_h = min(h / p.stride_h, p.out_height - 1);
  let last_w = min(w / p.stride_w, p.out_width - 1);
  var sum = V(0);
  for (var oh = first_h; oh <= last_h; oh++) {
    let line = (n * u32(p.out_height) + u32(oh)) * u32(p.out_width);
    for (var ow = first_w; ow <= last_w; ow++) {
      // A window whose dilated grid misses this cell has its maximum elsewhere.
      let at = (line + u32(ow)) * p.channels + c;
      let mine = indices[at] == here;
      if (any(mine)) {
        sum += select(V(0), V(dy[at]), mine);
      }
    }
  }
  dx[i] = T(epilogue(sum, i * LANES));
}
