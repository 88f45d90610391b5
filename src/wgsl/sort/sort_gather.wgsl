// sort_gather.wgsl: values and indices of the first k places of each row.
// One invocation owns one place; nothing is shared. Reads 2 words and writes 2 per place.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // places of all rows
  n: u32,       // elements per row
  k: u32,       // places per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> values: array<T>;
@group(0) @binding(4) var<storage, read_write> indices: array<i32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let first = (i / p.k) * p.n;
  let source = order[first + i % p.k];
  values[i] = x[first + source];
  indices[i] = i32(source);
}
