// gather_rows.wgsl: y[b, m, :] = x[b, index[b, m], :].
// One invocation owns one element of y; neighbours read neighbouring elements of the same row. Reads one element and
// one index, writes one element. A row number outside 0..rows-1 gives zeros.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // elements of y
  rows: u32,    // rows of x per batch entry
  count: u32,   // indices per batch entry
  width: u32,   // elements per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let m = i / p.width;
  let row = index[m];
  var value = T(0);
  if (row >= 0 && u32(row) < p.rows) {
    value = x[((m / p.count) * p.rows + u32(row)) * p.width + i % p.width];
  }
  y[i] = value;
}
