// sort_keys.wgsl: keys[i] = an unsigned integer in the order of x[i] (descending: inverted).
// One invocation owns one element; nothing is shared. Reads and writes 1 word per element.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl;
//   sort_key from sort_key_float.wgsl | sort_key_int.wgsl

struct Params {
  total: u32,
  descending: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let key = sort_key(x[i]);
  keys[i] = select(key, ~key, p.descending != 0u);
}
