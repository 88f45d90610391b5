// nms_keys.wgsl: keys that put greater scores first and boxes that do not count last.
// One invocation owns one box. Moves 2 words a box.

struct Params {
  total: u32,
  threshold: f32,
  limited: u32,   // whether there is a threshold
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> scores: array<T>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let score = f32(scores[i]);
  keys[i] = select(0xffffffffu, ~float_key(score), score_counts(score, p.threshold, p.limited));
}
