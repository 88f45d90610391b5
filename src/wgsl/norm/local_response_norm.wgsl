// local_response_norm.wgsl: y = x / (k + alpha / size * sum of squares of the neighbouring channels) ^ beta.
// One invocation owns one element; nothing is shared. Reads the channels of its window, which its neighbours have in the
// cache too, and writes one element.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; epilogue from epilogue_none.wgsl | fused.ts;
//   denominator, p.beta, p.total, x from channel_window.wgsl

@group(0) @binding(2) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  y[i] = T(epilogue(f32(x[i]) / pow(denominator(i), p.beta), i));
}
