// norm_backward_whole.wgsl: dx, and the sums of dy and dy * xhat of each channel over the positions of a row, of whole
// groups in one dispatch: dx = invstd * (weight * dy - mean(weight * dy) - xhat * mean(weight * dy * xhat)).
// Invocations as in norm_whole.wgsl. Where there is one row the sums are the gradients of bias and weight. Reads dy and x
// twice, once from memory and once from the caches where the group is small, and writes dx once.
// needs: A, ACROSS, S, X from header; row_first, row_length from row_equal.wgsl | row_levels.wgsl;
//   sum_of_group from whole_sums.wgsl;
//   first_of from first_dy.wgsl | firstParts.ts;
//   sum_of_channel from whole_channel_sums.wgsl; total_across from across_1.wgsl | across_4.wgsl | channels_apart.wgsl

struct Params {
  total: u32,       // groups of all rows, in S
  positions: u32,   // of an image
  channels: u32,    // of a row, in X
  groups: u32,      // of a row, in S
  depth: u32,       // of a group, in X
  step: u32,        // ACROSS / depth
  each: u32,        // elements of a group at a position
  splits: u32,      // parts of dy, where it is a sum of them, and
  elements: u32,    // X in each
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> weight: array<A>;
@group(0) @binding(4) var<storage, read> mean: array<S>;
@group(0) @binding(5) var<storage, read> invstd: array<S>;
@group(0) @binding(6) var<storage, read_write> sums: array<A>;
@group(0) @binding(7) var<storage, read_write> sums_xhat: array<A>;
@group(0) @binding(8) var<storage, read_write> dx: array<X>;

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
  let m = mean[o];
  let inv = invstd[o];

  var sum = A(0.0);
  var sum_xhat = A(0.0);
  for (var at = begin; at < end; at += step) {
    let d = first_of(at);
    sum += d;
    sum_xhat += d * (A(x[at]) - m);
  }
  sum_xhat *= inv;
  let w = weight[c];
  let level = sum_of_group(total_across(w * sum), own) * inv / count;
  let slope = sum_of_group(total_across(w * sum_xhat), own) * inv * inv / count;
  sum = sum_of_channel(sum, own, p.depth);
  sum_xhat = sum_of_channel(sum_xhat, own, p.depth);
  if (own < p.depth) {
    sums[row * p.channels + c] = sum;
    sums_xhat[row * p.channels + c] = sum_xhat;
  }

  let scale = inv * w;
  for (var at = begin; at < end; at += step) {
    dx[at] = X(scale * A(dy[at]) - level - slope * (A(x[at]) - m));
  }
}
