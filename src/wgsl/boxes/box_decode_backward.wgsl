// box_decode_backward.wgsl: the gradient of box_decode with respect to the deltas.
// Both corners move with the center, and move apart as the size grows, unless the clip limits it.
// One invocation owns one box; nothing is shared. Reads 12 elements and writes 4 per box.
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
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> deltas: array<T>;
@group(0) @binding(3) var<storage, read> anchors: array<T>;
@group(0) @binding(4) var<storage, read_write> ddeltas: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let at = box_places(i);
  let size = vec2f(f32(anchors[at.y + 2u]), f32(anchors[at.y + 3u])) - vec2f(f32(anchors[at.y]), f32(anchors[at.y + 1u]));
  let near = vec2f(f32(dy[i * 4u]), f32(dy[i * 4u + 1u]));
  let far = vec2f(f32(dy[i * 4u + 2u]), f32(dy[i * 4u + 3u]));
  let scale = vec2f(f32(deltas[at.x + 2u]), f32(deltas[at.x + 3u])) / vec2f(p.ww, p.wh);
  let dshift = (near + far) * size / vec2f(p.wx, p.wy);
  let dscale = (far - near) * 0.5 * exp(min(scale, vec2f(p.clip))) * size / vec2f(p.ww, p.wh);
  let free = scale <= vec2f(p.clip);
  ddeltas[i * 4u] = T(dshift.x);
  ddeltas[i * 4u + 1u] = T(dshift.y);
  ddeltas[i * 4u + 2u] = T(select(0.0, dscale.x, free.x));
  ddeltas[i * 4u + 3u] = T(select(0.0, dscale.y, free.y));
}
