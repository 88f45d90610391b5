// sort_keys.wgsl: keys[i] = an unsigned number that stands in the order of x[i] (descending: inverted).
// One invocation owns one element. Moves 2 words an element.

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
