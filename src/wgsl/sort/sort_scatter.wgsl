// sort_scatter.wgsl: one pass of the radix sort: moves keys and places to where their digit puts them.
// One invocation owns one chunk of consecutive keys and takes them in order, so that equal digits keep theirs; nothing
// is shared. Moves 5 words per element (4 in the first pass, where element i is still at place i).
// needs: FIRST, WORKGROUP from header; invocation_index from grid.wgsl; counted, counter_of, digit_of from digits.wgsl

struct Params {
  total: u32,   // chunks of all rows
  n: u32,       // elements per row
  chunks: u32,  // chunks per row
  chunk: u32,   // elements per chunk
  shift: u32,   // the digit's lowest bit
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read_write> keys_out: array<u32>;
@group(0) @binding(5) var<storage, read_write> order_out: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i / p.chunks;
  let c = i % p.chunks;
  let first = row * p.n;
  let end = first + min((c + 1u) * p.chunk, p.n);
  var counters = vec4u(0u);
  for (var j = first + c * p.chunk; j < end; j++) {
    let key = keys[j];
    let digit = digit_of(key, p.shift);
    let to = first + starts[(row * 16u + digit) * p.chunks + c] + counter_of(counters, digit);
    counters = counted(counters, digit);
    keys_out[to] = key;
    if (FIRST) {
      order_out[to] = j - first;
    } else {
      order_out[to] = order[j];
    }
  }
}
