// norm_stats_4.wgsl: mean and 1 / deviation of the groups of channels 4c..4c+3; a group has p.depth channels.
// needs: ALIGNED from header;
//   invstd, mean, p.depth, p.groups from norm_apply.wgsl | norm_backward_apply.wgsl | norm_backward_moments.wgsl

fn mean_of(row: u32, c: u32) -> vec4f {
  let base = row * p.groups;
  if (ALIGNED) { return vec4f(mean[base + c * 4u / p.depth]); }
  let g = vec4u(base) + (vec4u(c * 4u) + vec4u(0u, 1u, 2u, 3u)) / vec4u(p.depth);
  return vec4f(mean[g.x], mean[g.y], mean[g.z], mean[g.w]);
}

fn invstd_of(row: u32, c: u32) -> vec4f {
  let base = row * p.groups;
  if (ALIGNED) { return vec4f(invstd[base + c * 4u / p.depth]); }
  let g = vec4u(base) + (vec4u(c * 4u) + vec4u(0u, 1u, 2u, 3u)) / vec4u(p.depth);
  return vec4f(invstd[g.x], invstd[g.y], invstd[g.z], invstd[g.w]);
}
