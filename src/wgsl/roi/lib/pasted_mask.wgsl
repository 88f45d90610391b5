// pasted_mask.wgsl: a mask with a border of zeros, resized to pixels of an image (box_extent.wgsl).
// needs: Extent from box_extent.wgsl; masks, p.size from panoptic_covered.wgsl | paste_masks.wgsl

fn cell(mask: u32, row: i32, column: i32) -> f32 {
  let inside = (row >= 1) & (row <= i32(p.size)) & (column >= 1) & (column <= i32(p.size));
  let at = mask * p.size * p.size + u32(select(0, row - 1, inside)) * p.size + u32(select(0, column - 1, inside));
  return select(0.0, f32(masks[at]), inside);
}

// Output cell `at` of `length` between two cells of the bordered mask: both cells, and the weight of the second.
struct Place { near: i32, far: i32, share: f32 }
fn place(at: i32, length: i32) -> Place {
  let cells = i32(p.size) + 2;
  let position = max((f32(at) + 0.5) * (f32(cells) / f32(length)) - 0.5, 0.0);
  let near = min(i32(position), cells - 1);
  return Place(near, min(near + 1, cells - 1), position - f32(near));
}

// The mask at a pixel inside of its extent.
fn pasted(mask: u32, extent: Extent, pixel: vec2i) -> f32 {
  let across = place(pixel.x - extent.start.x, extent.size.x);
  let down = place(pixel.y - extent.start.y, extent.size.y);
  let above = mix(cell(mask, down.near, across.near), cell(mask, down.near, across.far), across.share);
  let below = mix(cell(mask, down.far, across.near), cell(mask, down.far, across.far), across.share);
  return mix(above, below, down.share);
}
