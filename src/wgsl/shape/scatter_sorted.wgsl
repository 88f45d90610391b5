// scatter_sorted.wgsl: the result of scatter.wgsl, where `order` sorts the indices of each row.
// One invocation owns one element of y. It finds by bisection where the indices that are its place begin, and goes
// through them: equal ones are in the order of m. Reads log2(count) indices, and each src whose index is its own.
// needs: A, ADD, T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // elements of y
  n: u32,       // places of y
  count: u32,   // m: indices of a row
  inner: u32,   // b: rows that lie side by side
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read> src: array<T>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let a = i / p.inner / p.n;
  let b = i % p.inner;
  let place = (i / p.inner) % p.n;
  let first = a * p.count * p.inner + b;
  let sorted = (a * p.inner + b) * p.count;
  var low = 0u;
  var high = p.count;
  while (low < high) {
    let middle = (low + high) / 2u;
    let before = u32(index[first + order[sorted + middle] * p.inner]) < place;
    low = select(low, middle + 1u, before);
    high = select(middle, high, before);
  }
  var value = A(x[i]);
  for (var k = low; k < p.count; k++) {
    let at = first + order[sorted + k] * p.inner;
    if (u32(index[at]) != place) { break; }
    if (ADD) { value += A(src[at]); } else { value = A(src[at]); }
  }
  y[i] = T(value);
}
