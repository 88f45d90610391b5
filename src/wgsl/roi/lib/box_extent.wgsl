// box_extent.wgsl: the pixels of an image that a box's mask is resized to.
// needs: boxes, p.size from panoptic_covered.wgsl | panoptic_merge.wgsl | paste_masks.wgsl

struct Extent { start: vec2i, size: vec2i }   // column and row, width and height

fn extent_of(mask: u32) -> Extent {
  let low = vec2f(boxes[mask * 4u], boxes[mask * 4u + 1u]);
  let high = vec2f(boxes[mask * 4u + 2u], boxes[mask * 4u + 3u]);
  // A border of one cell makes the box larger in the same proportion.
  let half = (high - low) * 0.5 * (f32(p.size + 2u) / f32(p.size));
  let centre = (high + low) * 0.5;
  let start = vec2i(centre - half);
  return Extent(start, max(vec2i(centre + half) - start + 1, vec2i(1)));
}
