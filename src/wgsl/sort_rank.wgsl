// sort_rank.wgsl: the order of short rows: an element's place is the number of elements before it.
// One invocation owns one element and reads its row's keys once: n words an element, but no passes.

struct Params {
  total: u32,
  n: u32,       // elements of a row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let first = i - i % p.n;
  let key = keys[i];
  var place = 0u;
  for (var j = first; j < i; j++) {
    place += select(0u, 1u, keys[j] <= key);
  }
  for (var j = i + 1u; j < first + p.n; j++) {
    place += select(0u, 1u, keys[j] < key);
  }
  order[first + place] = i - first;
}
