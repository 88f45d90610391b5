// hamming_distance.wgsl: y[n, m] = the number of bits in which a[n] and b[m] differ.
// One invocation owns one pair; nothing is shared. Reads both rows, 2 * width words per pair, and writes 1.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // pairs
  count: u32,   // rows of b
  width: u32,   // words per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let n = (i / p.count) * p.width;
  let m = (i % p.count) * p.width;
  var bits = 0u;
  for (var w = 0u; w < p.width; w++) {
    bits += countOneBits(a[n + w] ^ b[m + w]);
  }
  y[i] = i32(bits);
}
