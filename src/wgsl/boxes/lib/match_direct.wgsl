// match_direct.wgsl: the IoU of a box and an anchor for match_anchors.wgsl, computed on demand.
// needs: T from header; anchor_iou from anchor_iou.wgsl

@group(0) @binding(3) var<storage, read> anchors: array<T>;
@group(0) @binding(4) var<storage, read> boxes: array<T>;

fn iou_at(image: u32, g: u32, a: u32) -> f32 {
  return anchor_iou(image, g, a);
}

fn claims(image: u32, g: u32, iou: f32) -> bool {
  return false;
}
