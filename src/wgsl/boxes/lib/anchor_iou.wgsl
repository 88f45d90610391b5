// anchor_iou.wgsl: the IoU of box g of an image and anchor a, which belongs to the image or to all images.
// needs: box_iou from box_iou.wgsl; p.anchor_stride, p.boxes from match_anchors.wgsl | match_iou.wgsl;
//   anchors, boxes from match_direct.wgsl | match_iou.wgsl

fn anchor_iou(image: u32, g: u32, a: u32) -> f32 {
  let i = (image * p.anchor_stride + a) * 4u;
  let j = (image * p.boxes + g) * 4u;
  return box_iou(
    vec4f(f32(anchors[i]), f32(anchors[i + 1u]), f32(anchors[i + 2u]), f32(anchors[i + 3u])),
    vec4f(f32(boxes[j]), f32(boxes[j + 1u]), f32(boxes[j + 2u]), f32(boxes[j + 3u])),
  );
}
