// nms_four.wgsl: four consecutive boxes by falling score, and which of them another box removes.
// needs: label_of, sides_of from nms_sides.wgsl

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

// In vectors, so that a box that is loaded once is compared with four.
struct Four {
  boxes: vec4u,
  sides: mat4x4f,   // left, top, right and bottom sides of the four
  areas: vec4f,
  labels: vec4i,
  gone: vec4<bool>,
}

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

// A product instead of a quotient: exact at ties such as 30 / 100 > 0.3, and no 0 / 0.
fn removed_by(one: vec4f, label: i32, four: Four) -> vec4<bool> {
  let width = max(min(four.sides[2], vec4f(one.z)) - max(four.sides[0], vec4f(one.x)), vec4f());
  let height = max(min(four.sides[3], vec4f(one.w)) - max(four.sides[1], vec4f(one.y)), vec4f());
  let overlap = width * height;
  let whole = four.areas + (one.z - one.x) * (one.w - one.y) - overlap;
  return (overlap > vec4f()) & (overlap > p.threshold * whole) & (four.labels == vec4i(label));
}
