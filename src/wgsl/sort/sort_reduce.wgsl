// sort_reduce.wgsl: the sum of each block of a row's digit counts.
// One invocation owns one block; nothing is shared. Reads each count once.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // blocks of all rows
  counts: u32,  // counts per row
  blocks: u32,  // blocks per row
  block: u32,   // counts per block
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let first = (i / p.blocks) * p.counts;
  let b = i % p.blocks;
  let end = first + min((b + 1u) * p.block, p.counts);
  var sum = 0u;
  for (var j = first + b * p.block; j < end; j++) {
    sum += counts[j];
  }
  sums[i] = sum;
}
