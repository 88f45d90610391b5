// gather_rows_sums.wgsl: the sums of CHUNK rows of dy, in the order of their indices, where all CHUNK come from one row of x.
// One invocation owns one column of one chunk; a chunk of several rows is left out. Reads CHUNK elements of dy, writes one.
// needs: CHUNK, T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // batches times chunks times width
  chunks: u32,  // per batch entry
  count: u32,
  width: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> index: array<i32>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let column = i % p.width;
  let chunk = i / p.width;
  let batch = chunk / p.chunks * p.count;
  let first = batch + (chunk % p.chunks) * CHUNK;
  if (index[batch + order[first]] != index[batch + order[first + CHUNK - 1u]]) { return; }
  var sum = 0.0;
  for (var k = first; k < first + CHUNK; k++) {
    sum += f32(dy[(batch + order[k]) * p.width + column]);
  }
  sums[i] = sum;
}
