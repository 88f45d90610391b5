// resample.wgsl: y[n, oh, ow, c] = sum over a, b of wh[oh, a] * ww[ow, b] * x[n, fh[oh] + a, fw[ow] + b, c].
// One invocation owns one element of y, or four channels of it (T, U and V hold the lanes). Each output row
// and column has a window of input rows or columns: its first one, and where its weights begin and end.
// Moves 6 table words and, for each pixel of the window, one element of x and one weight.

struct Params {
  total: u32,        // elements of y, in lanes
  height: u32,
  width: u32,
  channels: u32,     // in lanes
  out_height: u32,
  out_width: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> windows: array<u32>;  // (first, begin, end): rows, then columns
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<U>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i % p.channels;
  let pixel = i / p.channels;
  let row = pixel / p.out_width;
  let n = row / p.out_height;
  let h = 3u * (row - n * p.out_height);
  let w = 3u * (p.out_height + pixel - row * p.out_width);
  let line_begin = windows[w + 1u];
  let line_end = windows[w + 2u];
  let row_end = windows[h + 2u];
  var line = ((n * p.height + windows[h]) * p.width + windows[w]) * p.channels + c;
  var sum = V(0);
  for (var a = windows[h + 1u]; a < row_end; a++) {
    var part = V(0);
    var at = line;
    for (var b = line_begin; b < line_end; b++) {
      part += weights[b] * V(x[at]);
      at += p.channels;
    }
    sum += weights[a] * part;
    line += p.width * p.channels;
  }
  y[i] = U(epilogue(sum, i * LANES));
}
