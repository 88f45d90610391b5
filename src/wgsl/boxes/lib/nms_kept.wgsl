// nms_kept.wgsl: what the shaders of nmsSkipping.ts use besides nms_four.wgsl.
// needs: LANES from header; box_at, flags, p.boxes from nms_four.wgsl; Four, label_of, sides_of from nms_sides.wgsl

@group(0) @binding(8) var<storage, read_write> sides: array<vec4f>;   // of the kept boxes, as sides_of() gives them

const END = 4u * LANES;

// As four_at, but unrolled: storing components of vectors one by one in a loop costs SwiftShader thousands of cycles.
fn four_together(image: u32, place: u32) -> Four {
  let places = place + vec4u(0u, 1u, 2u, 3u);
  let b = vec4u(box_at(image, places.x), box_at(image, places.y), box_at(image, places.z), box_at(image, places.w));
  let sides = transpose(mat4x4f(sides_of(b.x), sides_of(b.y), sides_of(b.z), sides_of(b.w)));
  let gone = vec4u(flags[b.x], flags[b.y], flags[b.z], flags[b.w]) > vec4u(0u);
  return Four(
    b,
    sides,
    (sides[2] - sides[0]) * (sides[3] - sides[1]),
    vec4i(label_of(b.x), label_of(b.y), label_of(b.z), label_of(b.w)),
    gone | (places >= vec4u(p.boxes)),
  );
}
