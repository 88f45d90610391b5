// cast.wgsl: y = x as another element type.
// One invocation owns one X (1 or 4 elements); nothing is shared. Reads and writes each element once.
// needs: WORKGROUP, X, Y from header; invocation_index from grid.wgsl;
//   convert from cast_plain.wgsl | cast_saturate.wgsl

struct Params {
  total: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  y[i] = convert(x[i]);
}
