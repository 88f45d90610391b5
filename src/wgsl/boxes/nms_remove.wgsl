// nms_remove.wgsl: flags the boxes after a block that a box which stays in the block removes.
// One invocation owns four boxes and walks those that stay until all four are removed: 6 words a box that stays and
// four boxes, the same ones for all invocations of an image.

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
    // Past the last box `gone` is set, too: its flag is another's.
    if (gone[k] & !mine.gone[k]) {
      flags[mine.boxes[k]] = 1u;
    }
  }
}
