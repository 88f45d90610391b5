// roi_pool_axis.wgsl: the cells of RoIPool's regions and bins on one axis, in integers.

// Half away from zero, as C's round(). Far outside the exact value does not matter.
fn round_half_away(v: f32) -> i32 {
  let near = clamp(v, -1048576.0, 1048576.0);
  let whole = trunc(near);
  return i32(whole + select(0.0, sign(near), abs(near - whole) >= 0.5));
}

// The first cell, and how many.
fn roi_axis(low: f32, high: f32, scale: f32) -> vec2i {
  let start = round_half_away(low * scale);
  return vec2i(start, max(round_half_away(high * scale) - start + 1, 1));
}

// The cells first..last of a region that are in the image; first > last where there are none.
fn covered(low: f32, high: f32, size: i32, scale: f32) -> vec2i {
  let axis = roi_axis(low, high, scale);
  return vec2i(max(axis.x, 0), min(axis.x + axis.y, size) - 1);
}

// The cells of a bin that are in the image: floor(bin * extent / pooled) to ceil((bin + 1) * extent / pooled).
fn bin_cells(axis: vec2i, bin: i32, pooled: i32, size: i32) -> vec2i {
  let first = bin * axis.y / pooled;
  let end = ((bin + 1) * axis.y + pooled - 1) / pooled;
  return clamp(axis.x + vec2i(first, end), vec2i(0), vec2i(size));
}
