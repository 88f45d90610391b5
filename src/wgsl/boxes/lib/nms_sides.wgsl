// nms_sides.wgsl: sides and label of a box, as non-maximum suppression compares them.
// needs: LABELLED, T from header

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
