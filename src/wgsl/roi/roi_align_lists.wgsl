// roi_align_lists.wgsl: for each row of a region's bins, and for each four of its columns, the cells that samples touch
// and their weights.
// One invocation owns one row or four columns and goes from the cell of its first sample to that of its last; nothing
// is shared. So what serves all channels is computed once, and roi_align_listed.wgsl only loads and adds.
// needs: WORKGROUP from header; invocation_index from grid.wgsl; RoiAxis, SLACK, roi_axis from roi_align_axis.wgsl;
//   reach_of, weight_on from roi_align_weight.wgsl

struct Params {
  total: u32,        // regions * (pooled_h + fours)
  images: i32,
  height: i32,
  width: i32,
  pooled_h: u32,
  pooled_w: u32,
  fours: u32,        // of a region's columns of bins
  scale: f32,
  samples: i32,      // 0 or less: as many as cells in a bin
  row_room: u32,     // entries per row of bins
  column_room: u32,  // entries per four columns
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> rois: array<f32>;             // image, x1, y1, x2, y2
@group(0) @binding(2) var<storage, read_write> words: array<u32>;      // the end of each list, then the cells of the columns
@group(0) @binding(3) var<storage, read_write> rows: array<vec4u>;     // the weights of two cells, and their rows
@group(0) @binding(4) var<storage, read_write> columns: array<vec4f>;  // the weights of a cell on four bins

// The cells first..last that samples of these bins can touch; first > last where they have none.
fn cells_of(axis: RoiAxis, first: u32, last: u32, size: i32) -> vec2i {
  let origins = axis.start + vec2f(f32(first), f32(last)) * axis.bin;
  let ends = vec4f(origins + 0.5 * axis.step, origins + (f32(axis.grid) - 0.5) * axis.step);
  let low = min(min(ends.x, ends.y), min(ends.z, ends.w)) - SLACK;
  let high = max(max(ends.x, ends.y), max(ends.z, ends.w)) + SLACK;
  let counts = (axis.grid > 0) & (high >= -1.0) & (low <= f32(size));
  let cells = vec2i(clamp(vec2f(floor(low), floor(high) + 1.0), vec2f(0.0), vec2f(f32(size - 1))));
  return select(vec2i(1, 0), cells, counts);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let lists = p.pooled_h + p.fours;
  let region = i / lists;
  let list = i % lists;
  let roi = 5u * region;
  let image = i32(max(rois[roi], -1.0));
  let inside = (image >= 0) & (image < p.images);
  let down = roi_axis(rois[roi + 2u], rois[roi + 4u], i32(p.pooled_h), p.scale, p.samples);
  let across = roi_axis(rois[roi + 1u], rois[roi + 3u], i32(p.pooled_w), p.scale, p.samples);
  var end = 0u;
  if (list < p.pooled_h) {
    let share = 1.0 / max(f32(down.grid) * f32(across.grid), 1.0);
    let touched = cells_of(down, list, list, p.height);
    end = (region * p.pooled_h + list) * p.row_room;
    var odd = false;
    for (var h = touched.x; (h <= touched.y) & inside; h++) {
      let weight = share * weight_on(h, down, i32(list), reach_of(h, p.height), p.height);
      if (weight != 0.0) {
        // A cell without a partner is listed twice with half of its weight, so that no other cell is read.
        let alone = vec4u(vec2u(bitcast<u32>(0.5 * weight)), vec2u(u32(h)));
        end -= u32(odd);
        let before = rows[end];
        let both = vec4u(bitcast<u32>(2.0 * bitcast<f32>(before.x)), bitcast<u32>(weight), before.z, u32(h));
        rows[end] = select(alone, both, odd);
        end++;
        odd = !odd;
      }
    }
  } else {
    let first = 4u * (list - p.pooled_h);
    let touched = cells_of(across, first, min(first + 4u, p.pooled_w) - 1u, p.width);
    let begin = (region * p.fours + list - p.pooled_h) * p.column_room;
    end = begin;
    for (var w = touched.x; (w <= touched.y) & inside; w++) {
      let reach = reach_of(w, p.width);
      var weights = vec4f(0.0);
      for (var k = 0u; k < min(4u, p.pooled_w - first); k++) {
        weights[k] = weight_on(w, across, i32(first + k), reach, p.width);
      }
      if (any(weights != vec4f(0.0))) {
        columns[end] = weights;
        words[p.total + end] = u32((image * p.height) * p.width + w);
        end++;
      }
    }
  }
  words[i] = end;
}
