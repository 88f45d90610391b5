// nms_remove_kept.wgsl: as nms_remove.wgsl, but reads the sides of the kept boxes from a list of their own: 4 words,
// one after the other, per kept box and four boxes.
// needs: LANES from header;
//   before, count, flags, indices, p.boxes, p.images, p.most, p.start from nms_four.wgsl;
//   four_together, sides from nms_kept.wgsl; label_of, removed_by from nms_sides.wgsl

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.z * 65535u + group.y;
  if (image >= p.images) { return; }
  let mine = four_together(image, p.start + 4u * ((group.x + 1u) * LANES + lane));
  var gone = mine.gone;
  let first = image * p.most;
  let end = u32(count[image]);
  for (var i = before[image]; (i < end) & !all(gone); i++) {
    gone |= removed_by(sides[first + i], label_of(image * p.boxes + u32(indices[first + i])), mine);
  }
  for (var k = 0u; k < 4u; k++) {
    // Beyond the last box `gone` is set as well: its flag belongs to another box.
    if (gone[k] != mine.gone[k]) {
      flags[mine.boxes[k]] = 1u;
    }
  }
}
