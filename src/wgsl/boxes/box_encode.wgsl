// box_encode.wgsl: encodes boxes as deltas relative to anchors and their sizes (torchvision's BoxCoder.encode).
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
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> boxes: array<T>;
@group(0) @binding(2) var<storage, read> anchors: array<T>;
@group(0) @binding(3) var<storage, read_write> deltas: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let at = box_places(i);
  let box_origin = vec2f(f32(boxes[at.x]), f32(boxes[at.x + 1u]));
  let box_size = vec2f(f32(boxes[at.x + 2u]), f32(boxes[at.x + 3u])) - box_origin;
  let origin = vec2f(f32(anchors[at.y]), f32(anchors[at.y + 1u]));
  let size = vec2f(f32(anchors[at.y + 2u]), f32(anchors[at.y + 3u])) - origin;
  var shift = vec2f(0.0);
  var scale = vec2f(0.0);
  if (all(size > vec2f(0.0)) && all(box_size > vec2f(0.0))) {
    shift = vec2f(p.wx, p.wy) * ((box_origin + 0.5 * box_size) - (origin + 0.5 * size)) / size;
    scale = vec2f(p.ww, p.wh) * log(box_size / size);
  }
  deltas[i * 4u] = T(shift.x);
  deltas[i * 4u + 1u] = T(shift.y);
  deltas[i * 4u + 2u] = T(scale.x);
  deltas[i * 4u + 3u] = T(scale.y);
}
