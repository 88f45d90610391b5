// nms_select.wgsl: which boxes of a block stay, one after the other in the order of their scores.
// One workgroup owns one image's block, an invocation four boxes of it in registers. Whether a box stays is known when
// its turn comes: its owner tells all, and they drop those of their own that it removes. Two barriers a box.

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
  // The last block ends the image.
  if (p.start + 4u * LANES >= p.boxes) {
    for (var i = found + lane; i < p.most; i += LANES) {
      indices[image * p.most + i] = -1;
    }
  }
}
