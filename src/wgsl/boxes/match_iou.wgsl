// match_iou.wgsl: the IoU of every box within the count with every anchor, for some images of a batch.
// One invocation owns one anchor of one image and loops over the boxes; neighbours write neighbouring elements. Reads 8
// elements per pair, mostly from cache, and writes 1.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; anchor_iou from anchor_iou.wgsl

struct Params {
  total: u32,          // anchors of all images of this dispatch
  first: u32,          // its first image
  anchors: u32,        // anchors per image
  anchor_stride: u32,  // the same, or 0 where all images share them
  boxes: u32,          // boxes per image, padding included
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> anchors: array<T>;
@group(0) @binding(2) var<storage, read> boxes: array<T>;
@group(0) @binding(3) var<storage, read> count: array<i32>;
@group(0) @binding(4) var<storage, read_write> iou: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let local = i / p.anchors;
  let a = i % p.anchors;
  let image = p.first + local;
  let boxes_here = u32(clamp(count[image], 0, i32(p.boxes)));
  for (var g = 0u; g < boxes_here; g++) {
    iou[(local * p.boxes + g) * p.anchors + a] = anchor_iou(image, g, a);
  }
}
