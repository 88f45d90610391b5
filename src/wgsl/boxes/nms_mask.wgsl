// nms_mask.wgsl: for each box the later boxes that it removes, as bits: mask[i, word], boxes sorted by score.
// A workgroup owns 64 boxes against 64 others, whose sides and labels it keeps in shared memory; an invocation owns one
// of the 64: two words of the mask. Reads 5 words per box of both groups. Blocks of earlier boxes only are skipped:
// nobody reads their words.
// needs: label_of, sides_of from nms_sides.wgsl; box_at, p.boxes, p.threshold, p.words from nms_sorted.wgsl

@group(0) @binding(4) var<storage, read_write> mask: array<u32>;

var<workgroup> other_sides: array<vec4f, 64>;
var<workgroup> other_labels: array<i32, 64>;

// As removed_by of nms_four.wgsl: a product instead of a quotient is exact at ties.
fn removes(one: vec4f, other: vec4f) -> bool {
  let size = max(min(other.zw, one.zw) - max(other.xy, one.xy), vec2f(0.0));
  let overlap = size.x * size.y;
  let whole = (other.z - other.x) * (other.w - other.y) + (one.z - one.x) * (one.w - one.y) - overlap;
  return (overlap > 0.0) & (overlap > p.threshold * whole);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x < group.y) { return; }
  let image = group.z;
  let first = image * p.boxes;
  let others = group.x * 64u;
  let place = group.y * 64u + lane;
  let other = box_at(image, others + lane);
  other_sides[lane] = sides_of(other);
  other_labels[lane] = label_of(other);
  workgroupBarrier();
  if (place >= p.boxes) { return; }
  let box = box_at(image, place);
  let one = sides_of(box);
  let label = label_of(box);
  for (var half = 0u; half < 64u; half += 32u) {
    var word = 0u;
    for (var k = 0u; k < 32u; k++) {
      let hit = removes(one, other_sides[half + k]) & (other_labels[half + k] == label) & (others + half + k > place);
      word |= u32(hit) << k;
    }
    mask[(first + place) * p.words + (others + half) / 32u] = word;
  }
}
