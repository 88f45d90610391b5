// norm_backward_moments.wgsl: sum dy and sum dy * xhat of each channel over one chunk of positions, where xhat = (x -
// mean) * invstd.
// One invocation owns 1 or 4 channels of one chunk of one row, as in norm_moments.wgsl; nothing is shared. PER_POSITION
// is as in norm_apply.wgsl. Reads dy and x once, writes two values per channel and chunk.
// needs: A, PER_POSITION, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   chunk_of from chunk.wgsl; invstd_of, mean_of from norm_stats_1.wgsl | norm_stats_4.wgsl

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
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> invstd: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<A>;
@group(0) @binding(6) var<storage, read_write> sums_xhat: array<A>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let rest = i / p.channels;
  let c = i - rest * p.channels;
  let row = rest / p.chunks;
  let chunk = chunk_of(row, rest - row * p.chunks, c);
  var sum = A(0.0);
  var sum_xhat = A(0.0);
  let m = mean_of(row, c);
  for (var at = chunk.begin; at < chunk.end; at += chunk.step) {
    let d = A(dy[at]);
    sum += d;
    if (PER_POSITION) {
      let r = at / (p.row * p.channels);
      sum_xhat += d * ((A(x[at]) - mean_of(r, c)) * invstd_of(r, c));
    } else {
      sum_xhat += d * (A(x[at]) - m);
    }
  }
  if (!PER_POSITION) { sum_xhat *= invstd_of(row, c); }
  sums[i] = sum;
  sums_xhat[i] = sum_xhat;
}
