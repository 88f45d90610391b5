// roi_align_axis.wgsl: the positions of RoIAlign's samples on one axis, and the cells that they touch.
// needs: ALIGNED from header

// ALIGNED (header): regions are shifted by half a pixel, and may be smaller than one.
const OFFSET = select(0.0, 0.5, ALIGNED);
// Ranges are widened by this many cells, so that rounding loses no sample. The weights stay exact.
const SLACK = 0.01;

struct RoiAxis {
  start: f32,   // in cells
  bin: f32,     // cells per bin; negative or 0 for an inverted or empty region
  step: f32,    // cells between two samples
  grid: i32,    // samples per bin
}

fn roi_extent(low: f32, high: f32, scale: f32) -> vec2f {
  let start = low * scale - OFFSET;
  let extent = high * scale - OFFSET - start;
  return vec2f(start, select(max(extent, 1.0), extent, ALIGNED));
}

fn roi_axis(low: f32, high: f32, pooled: i32, scale: f32, samples: i32) -> RoiAxis {
  let region = roi_extent(low, high, scale);
  let bins = f32(pooled);
  let bin = region.y / bins;
  var grid = f32(samples);
  if (samples <= 0) {
    // ceil(extent / bins), although the quotient of two whole numbers may be slightly off.
    grid = ceil(bin);
    grid -= select(0.0, 1.0, (grid - 1.0) * bins >= region.y);
    grid += select(0.0, 1.0, grid * bins < region.y);
    grid = clamp(grid, 0.0, 1048576.0);
  }
  return RoiAxis(region.x, bin, bin / max(grid, 1.0), i32(grid));
}

// The cells first..last that a region's samples can touch; first > last where there are none.
fn covered(low: f32, high: f32, size: i32, scale: f32) -> vec2i {
  let region = roi_extent(low, high, scale);
  let least = min(region.x, region.x + region.y) - SLACK;
  let most = max(region.x, region.x + region.y) + SLACK;
  if (!(most >= -1.0 && least <= f32(size))) { return vec2i(1, 0); }
  return vec2i(clamp(vec2f(floor(least), floor(most) + 1.0), vec2f(0.0), vec2f(f32(size - 1))));
}

// The samples of a bin that can be between two positions: the first, and one past the last.
fn samples_between(axis: RoiAxis, origin: f32, low: f32, high: f32) -> vec2i {
  if (axis.step <= 0.0) { return vec2i(0, axis.grid); }
  let range = vec2f(floor((low - origin) / axis.step - 0.5), ceil((high - origin) / axis.step) + 1.0);
  return vec2i(clamp(range, vec2f(0.0), vec2f(f32(axis.grid))));
}

// The position of a sample, clamped to the image; -2 where it is too far outside to count.
fn sample_at(axis: RoiAxis, origin: f32, k: i32, size: i32) -> f32 {
  let at = origin + (f32(k) + 0.5) * axis.step;
  return select(-2.0, clamp(at, 0.0, f32(size - 1)), at >= -1.0 && at <= f32(size));
}
