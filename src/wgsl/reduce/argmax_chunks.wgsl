// argmax_chunks.wgsl: the first maximum of each row, from the first maxima of its chunks.
// One invocation owns one row; nothing is shared. Reads two words per chunk.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl;
//   sort_key from sort_key_float.wgsl | sort_key_int.wgsl

struct Params {
  total: u32,   // rows
  n: u32,       // elements per row
  chunks: u32,  // chunks per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> places: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  var place = places[i * p.chunks];
  var best = sort_key(x[i * p.n + u32(place)]);
  for (var c = 1u; c < p.chunks; c++) {
    let other = places[i * p.chunks + c];
    let key = sort_key(x[i * p.n + u32(other)]);
    if (key > best) {
      best = key;
      place = other;
    }
  }
  y[i] = place;
}
