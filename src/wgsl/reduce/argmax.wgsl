// argmax.wgsl: the index of the first maximum of each chunk of each row.
// One invocation owns one chunk of consecutive elements; nothing is shared. Reads each element once.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl;
//   sort_key from sort_key_float.wgsl | sort_key_int.wgsl

struct Params {
  total: u32,   // chunks of all rows
  n: u32,       // elements per row
  chunks: u32,  // chunks per row
  chunk: u32,   // elements per chunk
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = (i / p.chunks) * p.n;
  let start = (i % p.chunks) * p.chunk;
  let end = min(start + p.chunk, p.n);
  var best = sort_key(x[row + start]);
  var place = start;
  for (var j = start + 1u; j < end; j++) {
    let key = sort_key(x[row + j]);
    if (key > best) {
      best = key;
      place = j;
    }
  }
  y[i] = i32(place);
}
