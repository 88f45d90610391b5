// grid.wgsl: the number of an invocation in a grid that may be folded into two dimensions.
// needs: WORKGROUP from header

// Dispatches hold at most 65,535 workgroups per dimension, so long grids continue in y.
fn invocation_index(gid: vec3u, groups: vec3u) -> u32 {
  return gid.y * groups.x * WORKGROUP + gid.x;
}
