// sort_count.wgsl: how often each of the 16 digits occurs in each chunk of each row.
// One invocation owns one chunk of consecutive keys (at most 255); nothing is shared. Reads each key once, writes 16
// counts per chunk, digit by digit: their running sum is where a chunk's elements of a digit go.
// needs: WORKGROUP from header; invocation_index from grid.wgsl; counted, counter_of, digit_of from digits.wgsl

struct Params {
  total: u32,   // chunks of all rows
  n: u32,       // elements per row
  chunks: u32,  // chunks per row
  chunk: u32,   // elements per chunk
  shift: u32,   // the digit's lowest bit
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i / p.chunks;
  let c = i % p.chunks;
  let end = row * p.n + min((c + 1u) * p.chunk, p.n);
  var counters = vec4u(0u);
  for (var j = row * p.n + c * p.chunk; j < end; j++) {
    counters = counted(counters, digit_of(keys[j], p.shift));
  }
  for (var digit = 0u; digit < 16u; digit++) {
    counts[(row * 16u + digit) * p.chunks + c] = counter_of(counters, digit);
  }
}
