// sort_scan.wgsl: replaces a row's digit counts by their exclusive running sum, in place.
// One invocation owns one block: it adds up the sums of the blocks before it, then goes through its own counts; nothing
// is shared. With blocks of about the square root of the row's counts, both loops are equally long. No barriers.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // blocks of all rows
  counts: u32,  // counts per row
  blocks: u32,  // blocks per row
  block: u32,   // counts per block
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let b = i % p.blocks;
  var sum = 0u;
  for (var j = i - b; j < i; j++) {
    sum += sums[j];
  }
  let first = (i / p.blocks) * p.counts;
  let end = first + min((b + 1u) * p.block, p.counts);
  for (var j = first + b * p.block; j < end; j++) {
    let count = counts[j];
    counts[j] = sum;
    sum += count;
  }
}
