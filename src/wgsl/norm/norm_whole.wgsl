// norm_whole.wgsl: mean, 1 / deviation and y = (x - mean) * invstd * weight + bias of whole groups in one dispatch, x
// [rows, positions, channels].
// A workgroup of ACROSS invocations owns a group of a row, or four of one channel each; an invocation owns 1 or 4 channels of
// it, and every p.step-th position. Sums are shared in shared memory. The second pass takes what it reads relative to
// the mean of the first, so that squares do not cancel. Reads x three times, once from memory and twice from the caches
// where the group is small, and writes y once.
// needs: A, ACROSS, S, WIDTH, X from header; row_first, row_length from row_equal.wgsl | row_levels.wgsl;
//   sum_of_group from whole_sums.wgsl;
//   first_of from first_x.wgsl | firstParts.ts;
//   total_across from across_1.wgsl | across_4.wgsl | channels_apart.wgsl;
//   finish_each from norm_finish_each_1.wgsl | norm_finish_each_4.wgsl; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,       // groups of all rows, in S
  positions: u32,   // of an image
  channels: u32,    // of a row, in X
  groups: u32,      // of a row, in S
  depth: u32,       // of a group, in X
  step: u32,        // ACROSS / depth
  each: u32,        // elements of a group at a position
  eps: f32,
  momentum: f32,
  splits: u32,      // parts of x, where it is a sum of them, and
  elements: u32,    // X in each
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;
@group(0) @binding(9) var<storage, read> weight: array<A>;
@group(0) @binding(10) var<storage, read> bias: array<A>;

@compute @workgroup_size(ACROSS)
fn main(
  @builtin(local_invocation_index) own: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = group.y * groups.x + group.x;
  if (o >= p.total) { return; }
  let row = o / p.groups;
  let c = (o - row * p.groups) * p.depth + own % p.depth;
  let first = row_first(row);
  let length = row_length(row);
  let begin = (first + own / p.depth) * p.channels + c;
  let end = (first + length) * p.channels + c;
  let count = f32(length * p.each);
  let step = p.step * p.channels;

  var sum = A(0.0);
  for (var at = begin; at < end; at += step) { sum += first_of(at); }
  let near = sum_of_group(total_across(sum), own) / count;
  sum = A(0.0);
  var sum_squares = A(0.0);
  for (var at = begin; at < end; at += step) {
    let d = A(x[at]) - near;
    sum += d;
    sum_squares += d * d;
  }
  let off = sum_of_group(total_across(sum), own) / count;
  let squares = sum_of_group(total_across(sum_squares), own) / count;
  let mean = near + off;
  let variance = max(squares - off * off, S(0.0));
  if (own == 0u) { finish_each(o, mean, variance, count); }

  let scale = weight[c] / sqrt(variance + p.eps);
  let shift = bias[c];
  for (var at = begin; at < end; at += step) {
    y[at] = X(epilogue((A(x[at]) - mean) * scale + shift, at * WIDTH));
  }
}
