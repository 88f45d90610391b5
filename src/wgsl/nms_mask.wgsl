// nms_mask.wgsl: bit j of row i says that box i, if it is kept, removes box j > i (places by score).
// One invocation owns one word (32 boxes) of four consecutive rows, side by side in vectors, so that each of
// the 32 boxes is loaded once for four pairs; the 256 rows of a workgroup read the same boxes at the same
// time. Words left of the diagonal are never read, so their workgroups end at once.

struct Params {
  boxes: u32,     // boxes of an image
  words: u32,     // words of a row
  threshold: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sorted: array<vec4f>;
@group(0) @binding(2) var<storage, read> sorted_labels: array<i32>;
@group(0) @binding(3) var<storage, read> candidates: array<u32>;
@group(0) @binding(4) var<storage, read_write> mask: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.z * p.boxes;
  let n = candidates[group.z];
  let rows = vec4u(0u, 1u, 2u, 3u) + (group.x * 64u + lane) * 4u;
  let start = group.y * 32u;
  if (rows.x >= n || start >= n || start + 31u < rows.x) { return; }
  let at = first + min(rows, vec4u(n - 1u));
  // Columns are boxes; transposed, they are the left, top, right and bottom sides of the four.
  let own = transpose(mat4x4f(sorted[at.x], sorted[at.y], sorted[at.z], sorted[at.w]));
  let area = (own[2] - own[0]) * (own[3] - own[1]);
  let labels = vec4i(sorted_labels[at.x], sorted_labels[at.y], sorted_labels[at.z], sorted_labels[at.w]);
  var bits = vec4u(0u);
  let end = min(start + 32u, n);
  for (var j = start; j < end; j++) {
    let other = sorted[first + j];
    let width = max(min(own[2], vec4f(other.z)) - max(own[0], vec4f(other.x)), vec4f(0.0));
    let height = max(min(own[3], vec4f(other.w)) - max(own[1], vec4f(other.y)), vec4f(0.0));
    let overlap = width * height;
    let whole = area + (other.z - other.x) * (other.w - other.y) - overlap;
    // A product instead of a quotient: exact at ties such as 30 / 100 > 0.3, and no 0 / 0.
    let removes = (overlap > vec4f(0.0)) & (overlap > p.threshold * whole);
    let counts = (vec4u(j) > rows) & (labels == vec4i(sorted_labels[first + j]));
    bits |= select(vec4u(0u), vec4u(1u << (j - start)), removes & counts);
  }
  for (var k = 0u; k < 4u && rows.x + k < n; k++) {
    mask[(first + rows.x + k) * p.words + group.y] = bits[k];
  }
}
