// nms_sides.wgsl: sides and label of a box, as non-maximum suppression compares them, and which of four boxes another removes.
// needs: LABELLED, T from header; p.threshold from nms_four.wgsl | nms_sorted.wgsl | nms_survivors.wgsl

@group(0) @binding(1) var<storage, read> boxes: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;

fn sides_of(box: u32) -> vec4f {
  // A box with a corner that is NaN or infinite overlaps nothing, like an empty box. So it becomes one, by a test of its bits,
  // since not every driver handles such numbers as it should.
  let sides = vec4f(boxes[box]);
  return select(vec4f(), sides, all((bitcast<vec4u>(sides) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u)));
}

fn label_of(box: u32) -> i32 {
  if (LABELLED) { return labels[box]; }
  return 0;
}

// In vectors, so that a box that is loaded once is compared with four.
struct Four {
  boxes: vec4u,
  sides: mat4x4f,   // left, top, right and bottom sides of the four
  areas: vec4f,
  labels: vec4i,
  gone: vec4<bool>,
}

// A product instead of a quotient: exact at ties such as 30 / 100 > 0.3, and no 0 / 0.
fn removed_by(one: vec4f, label: i32, four: Four) -> vec4<bool> {
  let width = max(min(four.sides[2], vec4f(one.z)) - max(four.sides[0], vec4f(one.x)), vec4f());
  // Below 0 it gives no overlap either.
  let height = min(four.sides[3], vec4f(one.w)) - max(four.sides[1], vec4f(one.y));
  let overlap = width * height;
  let whole = four.areas + (one.z - one.x) * (one.w - one.y) - overlap;
  return (overlap > vec4f()) & (overlap > p.threshold * whole) & (four.labels == vec4i(label));
}
