// ema_step.wgsl: average += weight * (x - average), in place.
// One invocation owns one element; nothing is shared. Reads 2 and writes 1 value per element.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> average: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  average[i] += weight[0] * (x[i] - average[i]);
}
