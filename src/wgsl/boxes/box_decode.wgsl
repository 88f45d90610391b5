// box_decode.wgsl: decodes deltas, relative to anchors and their sizes, into boxes (torchvision's BoxCoder.decode).
// One invocation owns one box; nothing is shared. Reads 8 elements and writes 4 per box.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; box_places from box_broadcast.wgsl

struct Params {
  total: u32,   // boxes of the result
  size1: u32,   // merged dimensions and the strides of both inputs: see box_broadcast.wgsl
  size2: u32,
  a0: u32,
  a1: u32,
  a2: u32,
  b0: u32,
  b1: u32,
  b2: u32,
  wx: f32,
  wy: f32,
  ww: f32,
  wh: f32,
  clip: f32,    // the greatest log of a box's size over the anchor's
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> deltas: array<T>;
@group(0) @binding(2) var<storage, read> anchors: array<T>;
@group(0) @binding(3) var<storage, read_write> boxes: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let at = box_places(i);
  let origin = vec2f(f32(anchors[at.y]), f32(anchors[at.y + 1u]));
  let size = vec2f(f32(anchors[at.y + 2u]), f32(anchors[at.y + 3u])) - origin;
  let shift = vec2f(f32(deltas[at.x]), f32(deltas[at.x + 1u])) / vec2f(p.wx, p.wy);
  let scale = vec2f(f32(deltas[at.x + 2u]), f32(deltas[at.x + 3u])) / vec2f(p.ww, p.wh);
  let centre = shift * size + (origin + 0.5 * size);
  let half = 0.5 * exp(min(scale, vec2f(p.clip))) * size;
  boxes[i * 4u] = T(centre.x - half.x);
  boxes[i * 4u + 1u] = T(centre.y - half.y);
  boxes[i * 4u + 2u] = T(centre.x + half.x);
  boxes[i * 4u + 3u] = T(centre.y + half.y);
}
