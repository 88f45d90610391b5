// gather_rows_backward.wgsl: dx[b, r, :] = sum over m with index[b, m] = r of dy[b, m, :].
// One invocation owns one element of dx and goes through all indices of its batch entry in order, so the sum needs no
// atomics and is the same on every run; nothing is shared. Reads `count` indices per element, and each row of dy once.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // elements of dx
  rows: u32,
  count: u32,
  width: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = (i / p.width) % p.rows;
  let column = i % p.width;
  let first = (i / p.width / p.rows) * p.count;
  var sum = 0.0;
  for (var m = first; m < first + p.count; m++) {
    if (index[m] == i32(row)) {
      sum += f32(dy[m * p.width + column]);
    }
  }
  dx[i] = T(sum);
}
