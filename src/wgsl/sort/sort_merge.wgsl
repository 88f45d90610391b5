// sort_merge.wgsl: merges neighbouring sorted runs of a row into one.
// One invocation owns one element; nothing is shared. Its place is its place in its own run plus the number of elements
// of the other run that come before it, found by bisection: of equal keys those of the left run come first. Reads
// log2(run) + 2 words per element, writes 2.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,
  n: u32,     // elements per row
  run: u32,   // elements per run; the last one may have fewer
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> keys_out: array<u32>;
@group(0) @binding(4) var<storage, read_write> order_out: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i - i % p.n;
  let run = (i - row) / p.run;
  let right = run % 2u;
  let key = keys[i];
  // The other run is to the right of a left one, and to the left of a right one.
  let other = row + (run ^ 1u) * p.run;
  let begin = min(other, row + p.n);
  var low = begin;
  var high = min(begin + p.run, row + p.n);
  while (low < high) {
    let middle = (low + high) / 2u;
    let k = keys[middle];
    let comes = (k < key) | ((k == key) & (right > 0u));
    low = select(low, middle + 1u, comes);
    high = select(middle, high, comes);
  }
  let to = i - right * p.run + low - begin;
  keys_out[to] = key;
  order_out[to] = order[i];
}
