// sum_splits.wgsl: y[i] = the sum over s of parts[s, i], in order of s.
// One invocation owns one element; neighbours read neighbouring elements. Reads every part once, writes y once.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // elements of y
  splits: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  var sum = 0.0;
  for (var s = 0u; s < p.splits; s++) {
    sum += parts[s * p.total + i];
  }
  y[i] = T(sum);
}
