// match_stored.wgsl: the IoU of a box and an anchor for match_anchors.wgsl, as match_iou.wgsl stored it, so that the
// comparison with the box's best IoU is exact.
// needs: p.anchors, p.boxes, p.first from match_anchors.wgsl

@group(0) @binding(3) var<storage, read> iou: array<f32>;
@group(0) @binding(4) var<storage, read> best: array<f32>;

fn iou_at(image: u32, g: u32, a: u32) -> f32 {
  return iou[((image - p.first) * p.boxes + g) * p.anchors + a];
}

// Whether this is the greatest IoU that the box has with any anchor.
fn claims(image: u32, g: u32, iou: f32) -> bool {
  return iou == best[(image - p.first) * p.boxes + g];
}
