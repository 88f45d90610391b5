// nms_select.wgsl: the boxes of a block that are kept, one after the other by falling score.
// One workgroup owns the block of one image, an invocation four boxes of it in registers. Whether a box is kept is
// known at its turn: its owner tells the workgroup through shared memory, and every invocation drops those of its own
// boxes that it removes. Two barriers per box; reads 6 words per box.
// needs: LANES from header;
//   before, box_at, count, four_at, indices, p.boxes, p.images, p.most, p.start from nms_four.wgsl;
//   label_of, removed_by, sides_of from nms_sides.wgsl

var<workgroup> shared_word: u32;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.z * 65535u + group.y;
  if (image >= p.images) { return; }
  let mine = four_at(image, p.start + 4u * lane);
  var gone = mine.gone;
  if (lane == 0u) {
    shared_word = u32(count[image]) * min(p.start, 1u);
    before[image] = shared_word;
  }
  var found = workgroupUniformLoad(&shared_word);
  for (var k = 0u; k < min(p.boxes - p.start, 4u * LANES) && found < p.most; k++) {
    if (lane == k / 4u) {
      shared_word = u32(!gone[k % 4u]);
    }
    if (workgroupUniformLoad(&shared_word) > 0u) {
      let box = box_at(image, p.start + k);
      gone |= removed_by(sides_of(box), label_of(box), mine);
      if (lane == 0u) {
        indices[image * p.most + found] = i32(box - image * p.boxes);
      }
      found++;
    }
  }
  if (lane == 0u) {
    count[image] = i32(found);
  }
  // After the last block the rest of the output is filled.
  if (p.start + 4u * LANES >= p.boxes) {
    for (var i = found + lane; i < p.most; i += LANES) {
      indices[image * p.most + i] = -1;
    }
  }
}
