// box_iou.wgsl: area, intersection and IoU of boxes (x1, y1, x2, y2).

fn box_area(a: vec4f) -> f32 {
  return (a.z - a.x) * (a.w - a.y);
}

fn box_intersection(a: vec4f, b: vec4f) -> f32 {
  let size = max(min(a.zw, b.zw) - max(a.xy, b.xy), vec2f(0.0));
  return size.x * size.y;
}

// 0 where both boxes are empty.
fn box_iou(a: vec4f, b: vec4f) -> f32 {
  let shared_area = box_intersection(a, b);
  let whole = box_area(a) + box_area(b) - shared_area;
  return select(shared_area / whole, 0.0, whole == 0.0);
}
