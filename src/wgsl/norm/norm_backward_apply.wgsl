// norm_backward_apply.wgsl: dx = invstd * (weight * dy - mean(weight * dy) - xhat * mean(weight * dy * xhat)), with
// means over the group. Its sums are weighted already, or, with CHANNEL_SUMS (one channel per
// group), they are the gradients of bias and weight.
// One invocation owns 1 or 4 channels of one chunk of positions, as in norm_apply.wgsl; nothing is shared. Reads dy and
// x once, writes dx once.
// needs: A, CHANNEL_SUMS, PER_POSITION, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   row_length from row_equal.wgsl | row_levels.wgsl; chunk_of from chunk.wgsl;
//   invstd_of, mean_of from norm_stats_1.wgsl | norm_stats_4.wgsl;
//   sum_of, sum_xhat_of from norm_sums_1.wgsl | norm_sums_4.wgsl | norm_sums_channels.wgsl

struct Params {
  total: u32,
  positions: u32,
  chunks: u32,
  channels: u32,    // in X
  groups: u32,
  depth: u32,
  row: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> weight: array<A>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> invstd: array<f32>;
@group(0) @binding(8) var<storage, read_write> dx: array<X>;

// dx = scale * dy - level - slope * (x - mean).
struct Line {
  mean: A,
  scale: A,
  level: A,
  slope: A,
}

fn line_of(row: u32, c: u32, w: A) -> Line {
  let inv = invstd_of(row, c);
  let positions = select(row_length(row), p.row, PER_POSITION);
  var factor = inv / f32(positions * p.depth);
  if (CHANNEL_SUMS) { factor *= w; }
  return Line(mean_of(row, c), inv * w, factor * sum_of(row, c), factor * inv * sum_xhat_of(row, c));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let rest = i / p.channels;
  let c = i - rest * p.channels;
  let row = rest / p.chunks;
  let chunk = chunk_of(row, rest - row * p.chunks, c);
  let w = weight[c];
  var line = line_of(row, c, w);
  for (var at = chunk.begin; at < chunk.end; at += chunk.step) {
    if (PER_POSITION) { line = line_of(at / (p.row * p.channels), c, w); }
    dx[at] = X(line.scale * A(dy[at]) - line.level - line.slope * (A(x[at]) - line.mean));
  }
}
