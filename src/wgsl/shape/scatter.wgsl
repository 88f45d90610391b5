// scatter.wgsl: y[a, n, b] = the last src[a, m, b] whose index[a, m, b] is n, else x[a, n, b]; with ADD, x plus all of them.
// One invocation owns one element of y and goes through all indices of its row in order, so that no atomics are needed.
// Reads the row's indices, one x, and each src whose index is its own; writes one element.
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
@group(0) @binding(4) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let place = i32((i / p.inner) % p.n);
  let first = (i / p.inner / p.n) * p.count * p.inner + i % p.inner;
  var value = A(x[i]);
  for (var m = 0u; m < p.count; m++) {
    let at = first + m * p.inner;
    if (index[at] == place) {
      if (ADD) { value += A(src[at]); } else { value = A(src[at]); }
    }
  }
  y[i] = T(value);
}
