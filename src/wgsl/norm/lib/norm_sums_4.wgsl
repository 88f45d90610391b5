// norm_sums_4.wgsl: the two gradient sums of the groups of channels 4c..4c+3; a group has p.depth channels.
// needs: ALIGNED from header; p.depth, p.groups from norm_backward_apply.wgsl

@group(0) @binding(6) var<storage, read> group_sums: array<vec2f>;

fn sum_of(row: u32, c: u32) -> vec4f {
  let base = row * p.groups;
  if (ALIGNED) { return vec4f(group_sums[base + c * 4u / p.depth].x); }
  let g = vec4u(base) + (vec4u(c * 4u) + vec4u(0u, 1u, 2u, 3u)) / vec4u(p.depth);
  return vec4f(group_sums[g.x].x, group_sums[g.y].x, group_sums[g.z].x, group_sums[g.w].x);
}

fn sum_xhat_of(row: u32, c: u32) -> vec4f {
  let base = row * p.groups;
  if (ALIGNED) { return vec4f(group_sums[base + c * 4u / p.depth].y); }
  let g = vec4u(base) + (vec4u(c * 4u) + vec4u(0u, 1u, 2u, 3u)) / vec4u(p.depth);
  return vec4f(group_sums[g.x].y, group_sums[g.y].y, group_sums[g.z].y, group_sums[g.w].y);
}
