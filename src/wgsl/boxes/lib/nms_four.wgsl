// nms_four.wgsl: four consecutive boxes by falling score.
// needs: Four, label_of, sides_of from nms_sides.wgsl

struct Params {
  boxes: u32,      // boxes per image
  images: u32,
  start: u32,      // place of the first box of the block of 4 * LANES, by falling score
  most: u32,       // detections asked for
  threshold: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> flags: array<u32>;   // 1: left out, or removed
@group(0) @binding(5) var<storage, read_write> before: array<u32>;  // boxes per image that were kept before the block
@group(0) @binding(6) var<storage, read_write> indices: array<i32>;
@group(0) @binding(7) var<storage, read_write> count: array<i32>;

fn box_at(image: u32, place: u32) -> u32 {
  let first = image * p.boxes;
  return first + order[first + min(place, p.boxes - 1u)];
}

fn four_at(image: u32, place: u32) -> Four {
  var four: Four;
  for (var k = 0u; k < 4u; k++) {
    let box = box_at(image, place + k);
    four.boxes[k] = box;
    four.sides[k] = sides_of(box);
    four.labels[k] = label_of(box);
    four.gone[k] = (place + k >= p.boxes) | (flags[box] > 0u);
  }
  four.sides = transpose(four.sides);
  four.areas = (four.sides[2] - four.sides[0]) * (four.sides[3] - four.sides[1]);
  return four;
}
