// nms_remove.wgsl: flags the boxes after a block that are removed by a box which was kept in the block.
// One invocation owns four boxes and loops over the kept ones until all four are removed; nothing is shared. Reads 6
// words per kept box and four boxes, the same ones for all invocations of an image.
// needs: LANES from header;
//   before, count, flags, four_at, indices, p.boxes, p.images, p.most, p.start from nms_four.wgsl;
//   label_of, removed_by, sides_of from nms_sides.wgsl

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.z * 65535u + group.y;
  if (image >= p.images) { return; }
  let mine = four_at(image, p.start + 4u * ((group.x + 1u) * LANES + lane));
  var gone = mine.gone;
  let end = u32(count[image]);
  for (var i = before[image]; (i < end) & !all(gone); i++) {
    let box = image * p.boxes + u32(indices[image * p.most + i]);
    gone |= removed_by(sides_of(box), label_of(box), mine);
  }
  for (var k = 0u; k < 4u; k++) {
    // Beyond the last box `gone` is set as well: its flag belongs to another box.
    if (gone[k] != mine.gone[k]) {
      flags[mine.boxes[k]] = 1u;
    }
  }
}
