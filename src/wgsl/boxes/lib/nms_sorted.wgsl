// nms_sorted.wgsl: boxes by falling score, for nms_mask.wgsl and nms_scan.wgsl.

struct Params {
  boxes: u32,      // boxes per image
  most: u32,       // detections asked for
  words: u32,      // words of 32 boxes per row of the mask
  threshold: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(3) var<storage, read> order: array<u32>;

fn box_at(image: u32, place: u32) -> u32 {
  let first = image * p.boxes;
  return first + order[first + min(place, p.boxes - 1u)];
}
