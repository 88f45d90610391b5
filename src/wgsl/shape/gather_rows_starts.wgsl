// gather_rows_starts.wgsl: where the indices that are row r begin in `order`, which sorts them; for r = rows, where they end.
// One invocation owns one start and finds it by bisection. Reads log2(count) indices, writes one word.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // starts: batches times rows + 1
  rows: u32,
  count: u32,   // indices per batch entry
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> index: array<i32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> starts: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let first = i / (p.rows + 1u) * p.count;
  let row = i % (p.rows + 1u);
  var low = 0u;
  var high = p.count;
  while (low < high) {
    let middle = (low + high) / 2u;
    // A negative index is a large u32, and so after all rows.
    let before = u32(index[first + order[first + middle]]) < row;
    low = select(low, middle + 1u, before);
    high = select(middle, high, before);
  }
  starts[i] = low;
}
