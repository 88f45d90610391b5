// norm_backward_rows.wgsl: sums of weight * dy and weight * dy * xhat of each group directly from dy and x [rows,
// positions, channels], where a row has few positions.
// LANES invocations own one group of one row, each 1 or 4 channels at a time, and share their sums in shared memory.
// Reads dy and x once.
// needs: A, LANES, LANE_GROUP, X from header; total_across from across_1.wgsl | across_4.wgsl;
//   lane_result, sum_lanes from lanes.wgsl; store_sums from norm_store_groups.wgsl

struct Params {
  total: u32,       // groups of all rows
  positions: u32,
  channels: u32,    // in X
  groups: u32,
  depth: u32,       // of a group, in X
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> weight: array<A>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> invstd: array<f32>;

@compute @workgroup_size(LANE_GROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = lane_result(local, group, groups);
  let items = select(0u, p.positions * p.depth, o < p.total);
  let c = (o % p.groups) * p.depth;
  let base = (o / p.groups) * p.positions * p.channels + c;
  let m = mean[o];
  var sum = A(0.0);
  var sum_xhat = A(0.0);
  for (var item = local % LANES; item < items; item += LANES) {
    let position = item / p.depth;
    let channel = item - position * p.depth;
    let at = base + position * p.channels + channel;
    let d = A(dy[at]) * weight[c + channel];
    sum += d;
    sum_xhat += d * (A(x[at]) - m);
  }
  let all = sum_lanes(vec2f(total_across(sum), total_across(sum_xhat)), local);
  if (o < p.total && local % LANES == 0u) { store_sums(o, vec2f(all.x, all.y * invstd[o])); }
}
