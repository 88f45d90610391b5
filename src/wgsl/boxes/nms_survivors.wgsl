// nms_survivors.wgsl: the boxes that are kept, in rounds over those that are left.
// A workgroup is one subgroup and owns an image. A round goes once through the list of boxes that are left, by falling score,
// an invocation four at a time: those that the boxes kept in this round do not remove are decided one after the other,
// until p.kept are kept; from then on they are written to the list of the next round, over its beginning.
// Reads 6 words per box of the list and round, and the kept ones, which lie in shared memory, once per 4 * LANES boxes.
// needs: LABELLED, LANES, MOST_KEPT from header; Four, label_of, removed_by, sides_of from nms_sides.wgsl;
//   taking_part from nms_sorted_before.wgsl | nms_sorted_here.wgsl

struct Params {
  boxes: u32,      // boxes per image
  images: u32,
  most: u32,       // detections asked for
  kept: u32,       // boxes that a round keeps at most
  threshold: f32,  // of the IoU
  score_threshold: f32,
  limited: u32,    // 1 where there is a threshold of scores, else 0
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(3) var<storage, read_write> order: array<u32>;   // the list, at first all boxes by falling score
@group(0) @binding(5) var<storage, read_write> indices: array<i32>;
@group(0) @binding(6) var<storage, read_write> count: array<i32>;

struct Progress {
  found: u32,    // boxes kept so far
  kept: u32,     // those of this round
  written: u32,  // boxes of the next round's list
}
var<workgroup> progress: Progress;
var<workgroup> kept_sides: array<vec4f, MOST_KEPT>;
var<workgroup> kept_labels: array<i32, MOST_KEPT>;

const END = 0xffffffffu;   // no place

fn kept_label(i: u32) -> i32 {
  if (LABELLED) { return kept_labels[i]; }
  return 0;
}

fn four_of(first: u32, places: vec4u, left: u32) -> Four {
  let at = first + min(places, vec4u(left - 1u));
  let b = first + vec4u(order[at.x], order[at.y], order[at.z], order[at.w]);
  let sides = transpose(mat4x4f(sides_of(b.x), sides_of(b.y), sides_of(b.z), sides_of(b.w)));
  return Four(
    b,
    sides,
    (sides[2] - sides[0]) * (sides[3] - sides[1]),
    vec4i(label_of(b.x), label_of(b.y), label_of(b.z), label_of(b.w)),
    places >= vec4u(left),
  );
}

@diagnostic(off, subgroup_uniformity)
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let image = group.y * 65535u + group.x;
  if (image >= p.images) { return; }
  let first = image * p.boxes;
  var left = taking_part(image, lane);
  var found = 0u;
  while ((left > 0u) & (found < p.most)) {
    var now = Progress(found, 0u, 0u);
    for (var place = 0u; (place < left) & (now.found < p.most); place += 4u * LANES) {
      let places = place + 4u * lane + vec4u(0u, 1u, 2u, 3u);
      let mine = four_of(first, places, left);
      var gone = mine.gone;
      // One that is read beyond them was compared with all of the list in an earlier round, or is empty.
      for (var i = 0u; i < now.kept; i += 2u) {
        gone |= removed_by(kept_sides[i], kept_label(i), mine)
          | removed_by(kept_sides[i + 1u], kept_label(i + 1u), mine);
      }
      if (now.kept + 4u * LANES <= p.kept) {
        while (now.found < p.most) {
          let own = select(places, vec4u(END), gone);
          let next = subgroupMin(min(min(own.x, own.y), min(own.z, own.w)));
          if (next == END) { break; }
          let box = first + order[first + next];
          let one = sides_of(box);
          let label = label_of(box);
          gone |= removed_by(one, label, mine) | (places <= vec4u(next));
          if (lane == 0u) {
            kept_sides[now.kept] = one;
            kept_labels[now.kept] = label;
            indices[image * p.most + now.found] = i32(box - first);
          }
          now.kept++;
          now.found++;
        }
      } else {
        let stay = select(vec4u(1u), vec4u(0u), gone);
        let two = stay.x + stay.y;
        let number = two + stay.z + stay.w;
        let to = first + now.written + subgroupExclusiveAdd(number) + vec4u(0u, stay.x, two, two + stay.z);
        let boxes_left = mine.boxes - first;
        // Unrolled: components of vectors that are chosen at run time are slow.
        if (stay.x > 0u) { order[to.x] = boxes_left.x; }
        if (stay.y > 0u) { order[to.y] = boxes_left.y; }
        if (stay.z > 0u) { order[to.z] = boxes_left.z; }
        if (stay.w > 0u) { order[to.w] = boxes_left.w; }
        now.written += subgroupAdd(number);
      }
      if (lane == 0u) { progress = now; }
      now = workgroupUniformLoad(&progress);
    }
    found = now.found;
    left = now.written;
    storageBarrier();
  }
  for (var i = found + lane; i < p.most; i += LANES) {
    indices[image * p.most + i] = -1;
  }
  if (lane == 0u) {
    count[image] = i32(found);
  }
}
