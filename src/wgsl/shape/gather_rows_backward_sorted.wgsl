// gather_rows_backward_sorted.wgsl: the result of gather_rows_backward.wgsl, where `order` sorts the indices and row r has
// those from starts[r] to starts[r + 1]. One invocation owns one element of dx and adds up its elements of dy in the order
// of m, CHUNK at a time by `sums`: the same on every run. Reads at most 2 CHUNK elements of dy, and a CHUNK-th as sums.
// needs: CHUNK, T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // elements of dx
  rows: u32,
  chunks: u32,  // whole chunks per batch entry
  count: u32,
  width: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read> sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let column = i % p.width;
  let row = (i / p.width) % p.rows;
  let batch = i / p.width / p.rows;
  let start = batch * (p.rows + 1u) + row;
  let end = starts[start + 1u];
  var sum = 0.0;
  var k = starts[start];
  while (k < end) {
    if (k % CHUNK == 0u && k + CHUNK <= end) {
      sum += sums[(batch * p.chunks + k / CHUNK) * p.width + column];
      k += CHUNK;
    } else {
      let m = batch * p.count + order[batch * p.count + k];
      sum += f32(dy[m * p.width + column]);
      k++;
    }
  }
  dx[i] = T(sum);
}
