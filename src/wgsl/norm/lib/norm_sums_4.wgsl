// norm_sums_4.wgsl: the two gradient sums of the groups of channels 4c..4c+3; a group has p.depth channels.
// needs: ALIGNED from header; sums, sums_xhat, p.depth, p.groups from norm_backward_apply.wgsl

fn sum_of(row: u32, c: u32) -> vec4f {
  let base = row * p.groups;
  if (ALIGNED) { return vec4f(sums[base + c * 4u / p.depth]); }
  let g = vec4u(base) + (vec4u(c * 4u) + vec4u(0u, 1u, 2u, 3u)) / vec4u(p.depth);
  return vec4f(sums[g.x], sums[g.y], sums[g.z], sums[g.w]);
}

fn sum_xhat_of(row: u32, c: u32) -> vec4f {
  let base = row * p.groups;
  if (ALIGNED) { return vec4f(sums_xhat[base + c * 4u / p.depth]); }
  let g = vec4u(base) + (vec4u(c * 4u) + vec4u(0u, 1u, 2u, 3u)) / vec4u(p.depth);
  return vec4f(sums_xhat[g.x], sums_xhat[g.y], sums_xhat[g.z], sums_xhat[g.w]);
}
