// sort_rank.wgsl: sorts runs of a row: the place of an element is the number of elements of its run that come before
// it.
// One invocation owns one element and reads the keys of its run once, RUN words per element; nothing is shared.
// needs: RUN, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,
  n: u32,     // elements per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys_out: array<u32>;
@group(0) @binding(3) var<storage, read_write> order_out: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i - i % p.n;
  let first = i - (i - row) % RUN;
  let end = min(first + RUN, row + p.n);
  let key = keys[i];
  var to = first;
  for (var j = first; j < end; j++) {
    let k = keys[j];
    to += u32((k < key) | ((k == key) & (j < i)));
  }
  keys_out[to] = key;
  order_out[to] = i - row;
}
