// norm_combine.wgsl: mean and variance of each group from those of its channels and chunks (Chan, Golub and LeVeque
// 1979).
// LANES invocations own one group of one row: each takes every LANES-th partial moment, and they share their sums in
// shared memory. `finish` stores the result. Reads each partial moment once.
// needs: LANES, LANE_GROUP from header; row_length from row_equal.wgsl | row_levels.wgsl; chunk_of from chunk.wgsl; lane_result, sum_lanes from lanes.wgsl;
//   finish from norm_finish_batch.wgsl | norm_finish_group.wgsl

struct Params {
  total: u32,       // groups of all rows
  positions: u32,   // of an image
  chunks: u32,
  channels: u32,
  groups: u32,      // of a row
  depth: u32,       // channels per group
  eps: f32,
  momentum: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> means: array<f32>;
@group(0) @binding(2) var<storage, read> squares: array<f32>;

@compute @workgroup_size(LANE_GROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = lane_result(local, group, groups);
  let items = select(0u, p.chunks * p.depth, o < p.total);
  let row = o / p.groups;
  let base = row * p.chunks * p.channels + (o % p.groups) * p.depth;
  // Relative to one of the means, for the same reason as within a chunk.
  let shift = means[base];
  var sums = vec2f(0.0);
  for (var item = local % LANES; item < items; item += LANES) {
    let chunk = item / p.depth;
    let at = base + chunk * p.channels + (item - chunk * p.depth);
    let count = f32(chunk_of(row, chunk, 0u).count);
    let d = means[at] - shift;
    sums += vec2f(count * d, count * d * d + squares[at]);
  }
  let all = sum_lanes(sums, local);
  if (o < p.total && local % LANES == 0u) {
    // A group without channels has no partial moments.
    let count = max(f32(row_length(row) * p.depth), 1.0);
    let d = all.x / count;
    finish(o, select(0.0, shift, p.depth > 0u) + d, max(all.y / count - d * d, 0.0), count);
  }
}
