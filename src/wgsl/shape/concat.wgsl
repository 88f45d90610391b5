// concat.wgsl: copies one input into its place in y: y[o, first + j] = x[o, j].
// One invocation owns one X (1 or 4 elements); nothing is shared. Reads and writes each element once.
// needs: WORKGROUP, X from header; invocation_index from grid.wgsl

struct Params {
  total: u32,    // X of this input
  length: u32,   // X of this input per outer entry: dim * inner
  stride: u32,   // X of y per outer entry
  first: u32,    // where this input begins in it
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let outer = i / p.length;
  y[outer * p.stride + p.first + (i - outer * p.length)] = x[i];
}
