// nms_keys.wgsl: keys that sort greater scores first, and flags for the boxes that are left out.
// One invocation owns one box; nothing is shared. Reads 1 element and writes 2 words per box.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; float_key from sort_key.wgsl

struct Params {
  total: u32,
  threshold: f32,
  limited: u32,   // 1 where there is a threshold, else 0
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> scores: array<T>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> flags: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let score = f32(scores[i]);
  let key = ~float_key(score);
  // NaN, whose key is 0, passes no threshold; not every driver compares it correctly.
  let counts = (p.limited == 0u) | ((key > 0u) & (score > p.threshold));
  keys[i] = select(0xffffffffu, key, counts);
  flags[i] = u32(!counts);
}
