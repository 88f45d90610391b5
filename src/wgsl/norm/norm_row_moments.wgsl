// norm_row_moments.wgsl: mean and 1 / deviation of each group directly from x [rows, positions, channels], where a row
// has few positions (layer norm: one).
// LANES invocations own one group of one row, each 1 or 4 channels at a time, and share their sums in shared memory.
// Reads x once.
// needs: A, LANES, LANE_GROUP, X from header; total_across from across_1.wgsl | across_4.wgsl;
//   lane_result, sum_lanes from lanes.wgsl; finish from norm_finish_batch.wgsl | norm_finish_group.wgsl

struct Params {
  total: u32,       // groups of all rows
  positions: u32,
  channels: u32,    // in X
  groups: u32,      // of a row
  depth: u32,       // of a group, in X
  count: f32,       // elements per group
  eps: f32,
  momentum: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;

@compute @workgroup_size(LANE_GROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = lane_result(local, group, groups);
  let items = select(0u, p.positions * p.depth, o < p.total);
  let base = (o / p.groups) * p.positions * p.channels + (o % p.groups) * p.depth;
  let first = A(x[base]);
  let shift = total_across(first) / total_across(A(1.0));
  var sum = A(0.0);
  var sum_squares = A(0.0);
  for (var item = local % LANES; item < items; item += LANES) {
    let position = item / p.depth;
    let d = A(x[base + position * p.channels + (item - position * p.depth)]) - shift;
    sum += d;
    sum_squares += d * d;
  }
  let all = sum_lanes(vec2f(total_across(sum), total_across(sum_squares)), local);
  if (o < p.total && local % LANES == 0u) {
    let count = max(p.count, 1.0);
    let d = all.x / count;
    finish(o, select(0.0, shift, p.count > 0.0) + d, max(all.y / count - d * d, 0.0), count);
  }
}
