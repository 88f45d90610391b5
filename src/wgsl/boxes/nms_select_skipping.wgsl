// nms_select_skipping.wgsl: as nms_select.wgsl, with turns for kept boxes only: the first invocation looks for the next
// box that is left. Three barriers per kept box and none for the others, which are the majority.
// needs: LANES from header;
//   before, box_at, count, indices, p.boxes, p.images, p.most, p.start from nms_four.wgsl;
//   END, four_together, sides from nms_kept.wgsl; label_of, removed_by, sides_of from nms_sides.wgsl

var<workgroup> left: array<vec4<bool>, LANES>;   // boxes of the block that are not removed
var<workgroup> next: u32;                        // the first of them; END: none

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.z * 65535u + group.y;
  if (image >= p.images) { return; }
  let mine = four_together(image, p.start + 4u * lane);
  var gone = mine.gone;
  let first = image * p.most;
  var found = select(u32(count[image]), 0u, p.start == 0u);
  var place = 0u;
  if (lane == 0u) {
    before[image] = found;
  }
  loop {
    left[lane] = !gone;
    workgroupBarrier();
    if (lane == 0u) {
      place = select(END, place, found < p.most);
      while (place < END) {
        if (left[place / 4u][place % 4u]) { break; }
        place++;
      }
      next = place;
    }
    place = workgroupUniformLoad(&next);
    if (place == END) { break; }
    let box = box_at(image, p.start + place);
    let one = sides_of(box);
    gone |= removed_by(one, label_of(box), mine);
    if (lane == 0u) {
      sides[first + found] = one;
      indices[first + found] = i32(box - image * p.boxes);
    }
    found++;
    place++;
  }
  if (lane == 0u) {
    count[image] = i32(found);
  }
  // After the last block the rest of the output is filled.
  if (p.start + END >= p.boxes) {
    for (var i = found + lane; i < p.most; i += LANES) {
      indices[first + i] = -1;
    }
  }
}
