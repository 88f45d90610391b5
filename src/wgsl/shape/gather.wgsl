// gather.wgsl: y[a, m, b] = x[a, index[a, m, b], b]; 0 where the index is not in 0..n-1.
// One invocation owns one element of y; neighbours read neighbouring elements where their indices agree. Reads one
// element and one index, writes one element.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // elements of y
  n: u32,       // places of x
  count: u32,   // m: places of y
  inner: u32,   // b: elements that lie side by side
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let a = i / p.inner / p.count;
  let place = u32(index[i]);
  var value = T(0);
  // A negative index is a large u32.
  if (place < p.n) { value = x[(a * p.n + place) * p.inner + i % p.inner]; }
  y[i] = value;
}
