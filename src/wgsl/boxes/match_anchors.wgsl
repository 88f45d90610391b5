// match_anchors.wgsl: for each anchor the box of greatest IoU, or why it has none.
// One invocation owns one anchor of one image and loops over the boxes; nothing is shared. Reads 4 elements per anchor
// and box (1 where the IoU is stored), writes one index per anchor.
// needs: WORKGROUP from header; invocation_index from grid.wgsl;
//   claims, iou_at from match_direct.wgsl | match_stored.wgsl

struct Params {
  total: u32,          // anchors of all images of this dispatch
  first: u32,          // its first image
  anchors: u32,        // anchors per image
  anchor_stride: u32,  // the same, or 0 where all images share them
  boxes: u32,          // boxes per image, padding included
  low: f32,
  high: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> count: array<i32>;
@group(0) @binding(2) var<storage, read_write> matches: array<i32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let a = i % p.anchors;
  let image = p.first + i / p.anchors;
  let boxes_here = u32(clamp(count[image], 0, i32(p.boxes)));
  var top = -1.0;
  var found = -1;
  var claimed = false;
  for (var g = 0u; g < boxes_here; g++) {
    let v = iou_at(image, g, a);
    if (v > top) {
      top = v;
      found = i32(g);
    }
    claimed = claimed || claims(image, g, v);
  }
  if (!claimed && found >= 0) {
    if (top < p.low) {
      found = -1;
    } else if (top < p.high) {
      found = -2;
    }
  }
  matches[image * p.anchors + a] = found;
}
