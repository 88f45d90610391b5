// resample.wgsl: y[n, oh, ow, c] = sum over a, b of wh[oh, a] * ww[ow, b] * x[n, fh[oh] + a, fw[ow] + b, c].
// One invocation owns one element of y (dst), or four channels of it (T, U and V hold the lanes), or a block of four
// times four (block_4.wgsl), and reads x (src) in the same way; nothing is shared. Each output row and column has a
// window of input rows or columns: the first one, and the range of its weights. Reads 6 words of the table, and one
// element of x and one weight per pixel of the window; writes y once.
// needs: T, U, WORKGROUP from header; invocation_index from grid.wgsl;
//   Block, load, store from block_1.wgsl | block_4.wgsl

struct Params {
  total: u32,        // elements of y, in blocks
  height: u32,
  width: u32,
  channels: u32,     // in lanes
  gap: u32,          // lanes from one part of a block to the next
  out_height: u32,
  out_width: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> src: array<T>;
@group(0) @binding(2) var<storage, read> windows: array<u32>;  // (first, begin, end): rows, then columns
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> dst: array<U>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let pixel = i / p.gap;
  let c = i - pixel * p.gap;
  let row = pixel / p.out_width;
  let n = row / p.out_height;
  let h = 3u * (row - n * p.out_height);
  let w = 3u * (p.out_height + pixel - row * p.out_width);
  let line_begin = windows[w + 1u];
  let line_end = windows[w + 2u];
  let row_end = windows[h + 2u];
  var line = ((n * p.height + windows[h]) * p.width + windows[w]) * p.channels + c;
  var sum = Block();
  for (var a = windows[h + 1u]; a < row_end; a++) {
    var part = Block();
    var at = line;
    for (var b = line_begin; b < line_end; b++) {
      part += weights[b] * load(at, p.gap);
      at += p.channels;
    }
    sum += weights[a] * part;
    line += p.width * p.channels;
  }
  store(pixel * p.channels + c, p.gap, sum);
}
