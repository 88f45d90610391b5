// lanes.wgsl: LANES invocations of a workgroup of LANE_GROUP own one result; their sums are added in order.
// needs: LANES, LANE_GROUP from header

var<workgroup> lane_sums: array<vec2f, LANE_GROUP>;

// Every invocation of the workgroup must call this; all LANES of a result get its sum.
fn sum_lanes(v: vec2f, local: u32) -> vec2f {
  if (LANES == 1u) { return v; }
  lane_sums[local] = v;
  workgroupBarrier();
  let first = local - local % LANES;
  var sum = vec2f(0.0);
  for (var lane = 0u; lane < LANES; lane++) { sum += lane_sums[first + lane]; }
  return sum;
}

fn lane_result(local: u32, group: vec3u, groups: vec3u) -> u32 {
  return (group.y * groups.x + group.x) * (LANE_GROUP / LANES) + local / LANES;
}
