// local_response_norm_terms.wgsl: dy * x * denominator ^ (-beta - 1), which each element adds to the gradients of all
// channels of its window.
// One invocation owns one element; nothing is shared. Reads the channels of its window and writes one f32.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl;
//   denominator, p.beta, p.total, x from channel_window.wgsl

@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read_write> terms: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  terms[i] = f32(dy[i]) * f32(x[i]) * pow(denominator(i), -p.beta - 1.0);
}
