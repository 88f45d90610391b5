// norm_backward_combine.wgsl: adds up the chunks of norm_backward_moments.wgsl: with one channel per group, the
// gradients of bias and weight; with WEIGHTED, the sums of weight * dy (and times xhat) over a group, which dx needs.
// LANES invocations own one group of one row: each adds every LANES-th partial sum, and they share their sums in shared
// memory. Reads each partial sum once.
// needs: LANES, LANE_GROUP, WEIGHTED from header; lane_result, sum_lanes from lanes.wgsl;
//   store_sums from norm_store_channels.wgsl | norm_store_groups.wgsl

struct Params {
  total: u32,       // groups of all rows
  chunks: u32,
  channels: u32,
  groups: u32,
  depth: u32,       // channels per group
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> sums_xhat: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;

@compute @workgroup_size(LANE_GROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = lane_result(local, group, groups);
  let items = select(0u, p.chunks * p.depth, o < p.total);
  let c = (o % p.groups) * p.depth;
  let base = (o / p.groups) * p.chunks * p.channels + c;
  var all = vec2f(0.0);
  for (var item = local % LANES; item < items; item += LANES) {
    let chunk = item / p.depth;
    let channel = item - chunk * p.depth;
    let at = base + chunk * p.channels + channel;
    let both = vec2f(sums[at], sums_xhat[at]);
    if (WEIGHTED) {
      all += weight[c + channel] * both;
    } else {
      all += both;
    }
  }
  all = sum_lanes(all, local);
  if (o < p.total && local % LANES == 0u) { store_sums(o, all); }
}
