// elementwise.wgsl: y[i] = apply(i), a chain of elementwise operations that fused.ts wrote.
// One invocation owns one V (1 or 4 elements); nothing is shared. Reads each input once and writes y once, however long
// the chain is.
// needs: LANES, WORKGROUP, Y from header; invocation_index from grid.wgsl; apply from fused.ts

struct Params {
  total: u32,   // values of type V in y
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  y[i] = Y(apply(i * LANES));
}
