// roi_align.wgsl: y[r, ph, pw, c] = the mean over a grid of samples in bin (ph, pw) of region r, each interpolated
// bilinearly between four cells of x.
// One invocation owns one element of y (dst), or four channels of it (T and V hold the lanes), or a block of four times
// four (block_4.wgsl); nothing is shared. A bin's mean is separable: each row and column of cells has the sum of the
// weights of its samples, so that every cell is read once however many samples touch it: at most (grid + 1)^2 cells per
// bin instead of 4 * grid^2. Rows and columns are processed in fours, and runs of cells between distant samples are
// skipped.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl;
//   Block, load, store from block_1.wgsl | block_4.wgsl;
//   RoiAxis, roi_axis, sample_at, samples_between from roi_align_axis.wgsl

struct Params {
  total: u32,      // elements of y, in blocks
  images: i32,
  height: i32,
  width: i32,
  channels: u32,   // in lanes
  gap: u32,        // lanes from one part of a block to the next
  pooled_h: u32,
  pooled_w: u32,
  scale: f32,
  samples: i32,    // 0 or less: as many as cells in a bin
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> src: array<T>;
@group(0) @binding(2) var<storage, read> rois: array<f32>;   // image, x1, y1, x2, y2
@group(0) @binding(3) var<storage, read_write> dst: array<T>;

struct Cells {
  weights: vec4f,  // of four cells in a row
  count: i32,      // how many of them to read
  next: i32,       // the first cell after them that has a weight; the size of the axis if none
}

fn cells_from(first: i32, axis: RoiAxis, origin: f32, range: vec2i, size: i32) -> Cells {
  var weights = vec4f(0.0);
  var count = 0;
  var next = size;
  let places = f32(first) + vec4f(0.0, 1.0, 2.0, 3.0);
  for (var k = range.x; k < range.y; k++) {
    let at = sample_at(axis, origin, k, size);
    let low = i32(floor(at));
    let counts = at >= 0.0;
    weights += select(vec4f(0.0), max(vec4f(0.0), 1.0 - abs(places - at)), counts);
    // A cell right of the last sample has no weight and may lie outside of the image.
    count = select(count, max(count, min(i32(ceil(at)) + 1 - first, 4)), counts && low < first + 4);
    next = select(next, min(next, max(low, first + 4)), counts && low >= first + 3);
  }
  return Cells(weights, count, next);
}

// The cell where a bin's samples begin.
fn first_cell(axis: RoiAxis, origin: f32, size: i32) -> i32 {
  let last = (f32(axis.grid) - 0.5) * axis.step;
  return i32(clamp(origin + min(0.5 * axis.step, last), 0.0, f32(size - 1)));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i % p.gap;
  let bin = i / p.gap;
  let line_of_bins = bin / p.pooled_w;
  let roi = 5u * (line_of_bins / p.pooled_h);
  let image = i32(max(rois[roi], -1.0));
  var sum = Block();
  if (image >= 0 && image < p.images) {
    let rows = roi_axis(rois[roi + 2u], rois[roi + 4u], i32(p.pooled_h), p.scale, p.samples);
    let columns = roi_axis(rois[roi + 1u], rois[roi + 3u], i32(p.pooled_w), p.scale, p.samples);
    let top = rows.start + f32(line_of_bins % p.pooled_h) * rows.bin;
    let left = columns.start + f32(bin % p.pooled_w) * columns.bin;
    let row_range = samples_between(rows, top, -1.0, f32(p.height));
    let column_range = samples_between(columns, left, -1.0, f32(p.width));
    let first_column = first_cell(columns, left, p.width);
    let below = u32(p.width) * p.channels;
    var h = first_cell(rows, top, p.height);
    while (h < p.height) {
      let down = cells_from(h, rows, top, row_range, p.height);
      var w = first_column;
      while (w < p.width) {
        let across = cells_from(w, columns, left, column_range, p.width);
        // Loops, not conditions: SwiftShader also executes what a condition skips.
        var line = u32((image * p.height + h) * p.width + w) * p.channels + c;
        for (var a = 0; a < down.count; a++) {
          var part = Block();
          for (var b = 0; b < across.count; b++) {
            part += across.weights[b] * load(line + u32(b) * p.channels, p.gap);
          }
          sum += down.weights[a] * part;
          line += below;
        }
        w = across.next;
      }
      h = down.next;
    }
    sum *= 1.0 / max(f32(rows.grid) * f32(columns.grid), 1.0);
  }
  store(bin * p.channels + c, p.gap, sum);
}
