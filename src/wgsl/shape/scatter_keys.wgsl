// scatter_keys.wgsl: the indices of every row as keys for a sort; n, after all others, where an index is not in 0..n-1.
// One invocation owns one key. Reads one word, writes one.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // keys: rows times count
  n: u32,       // places that there are
  count: u32,   // indices of a row
  inner: u32,   // rows that lie side by side
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i / p.count;
  let m = i % p.count;
  let at = ((row / p.inner) * p.count + m) * p.inner + row % p.inner;
  // A negative index is a large u32.
  keys[i] = min(u32(index[at]), p.n);
}
