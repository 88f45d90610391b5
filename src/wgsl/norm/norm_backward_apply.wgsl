// norm_backward_apply.wgsl: dx = invstd * (weight * dy - mean(weight * dy) - xhat * mean(weight * dy * xhat)), with
// means over the group (p.count elements). Its sums are weighted already, or, with CHANNEL_SUMS (one channel per
// group), they are the gradients of bias and weight.
// One invocation owns 1 or 4 channels of one chunk of positions, as in norm_apply.wgsl; nothing is shared. Reads dy and
// x once, writes dx once.
// needs: A, CHANNEL_SUMS, PER_POSITION, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   chunk_begin, chunk_end, chunk_step from chunk.wgsl; invstd_of, mean_of from norm_stats_1.wgsl | norm_stats_4.wgsl;
//   sum_of, sum_xhat_of from norm_sums_1.wgsl | norm_sums_4.wgsl

struct Params {
  total: u32,
  positions: u32,
  chunks: u32,
  channels: u32,    // in X
  groups: u32,
  depth: u32,
  row: u32,
  count: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> weight: array<A>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> invstd: array<f32>;
@group(0) @binding(6) var<storage, read> sums: array<f32>;
@group(0) @binding(7) var<storage, read> sums_xhat: array<f32>;
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
  var factor = inv / p.count;
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
  let chunk = rest - row * p.chunks;
  let step = chunk_step(p.chunks);
  let end = chunk_end(chunk, p.chunks, p.positions);
  let base = row * p.positions * p.channels + c;
  let w = weight[c];
  if (PER_POSITION) {
    for (var at = chunk_begin(chunk, p.chunks, p.positions); at < end; at += step) {
      let line = line_of(at / p.row, c, w);
      let e = base + at * p.channels;
      dx[e] = X(line.scale * A(dy[e]) - line.level - line.slope * (A(x[e]) - line.mean));
    }
  } else {
    let line = line_of(row, c, w);
    for (var at = chunk_begin(chunk, p.chunks, p.positions); at < end; at += step) {
      let e = base + at * p.channels;
      dx[e] = X(line.scale * A(dy[e]) - line.level - line.slope * (A(x[e]) - line.mean));
    }
  }
}
