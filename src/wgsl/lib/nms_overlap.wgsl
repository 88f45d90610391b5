// nms_overlap.wgsl: which of four boxes meet another in an IoU over the threshold.

// Columns are boxes; transposed, they are the left, top, right and bottom sides of the four.
fn sides_of(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> mat4x4f {
  return transpose(mat4x4f(a, b, c, d));
}

fn areas_of(four: mat4x4f) -> vec4f {
  return (four[2] - four[0]) * (four[3] - four[1]);
}

// A product instead of a quotient: exact at ties such as 30 / 100 > 0.3, and no 0 / 0.
fn overlapping(four: mat4x4f, areas: vec4f, other: vec4f, threshold: f32) -> vec4<bool> {
  let width = max(min(four[2], vec4f(other.z)) - max(four[0], vec4f(other.x)), vec4f(0.0));
  let height = max(min(four[3], vec4f(other.w)) - max(four[1], vec4f(other.y)), vec4f(0.0));
  let overlap = width * height;
  let whole = areas + (other.z - other.x) * (other.w - other.y) - overlap;
  return (overlap > vec4f(0.0)) & (overlap > threshold * whole);
}
