// weighted_box_fusion_keys.wgsl: keys that sort greater scores first, and flags for the boxes that are left out.
// One invocation owns one box; nothing is shared. Reads 5 elements and writes 2 words per box.
// needs: COUNTED, T, WORKGROUP from header; invocation_index from grid.wgsl; float_key from sort_key.wgsl

struct Params {
  total: u32,
  boxes: u32,       // boxes per image
  threshold: f32,   // of scores
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> boxes: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> scores: array<T>;
@group(0) @binding(3) var<storage, read> count: array<i32>;
@group(0) @binding(4) var<storage, read_write> keys: array<u32>;
@group(0) @binding(5) var<storage, read_write> flags: array<u32>;

fn is_there(i: u32) -> bool {
  if (COUNTED) { return i32(i % p.boxes) < count[i / p.boxes]; }
  return true;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let sides = vec4f(boxes[i]);
  let score = f32(scores[i]);
  // A test of the bits, as not every driver compares NaN correctly: positive, neither subnormal nor infinite.
  let bits = bitcast<u32>(score);
  let weighs = (bits >= 0x00800000u) & (bits < 0x7f800000u) & (score > p.threshold);
  let finite = all((bitcast<vec4u>(sides) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u));
  let counts = is_there(i) & weighs & finite & all(sides.xy < sides.zw);
  keys[i] = select(0xffffffffu, ~float_key(score), counts);
  flags[i] = u32(!counts);
}
