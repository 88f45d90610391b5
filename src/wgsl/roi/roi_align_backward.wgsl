// roi_align_backward.wgsl: dx[n, h, w, c] = the sum of dy over all samples of all regions that read cell (h, w), with
// the weights that they read it with.
// One invocation owns one element of dx (dst), or four channels of it (T and V hold the lanes), or a block of four
// times four (block_4.wgsl), and reads dy (src) in the same way; nothing is shared. It goes through the regions that
// reach its row (roi_rows.wgsl listed them), skips those whose columns do not reach it, and of the others visits only
// the bins with samples nearer than one cell. Fixed order, no atomics. Reads 2 words per region of the row, 5 per
// region that covers the cell, and one element of dy per bin that touches the cell.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl;
//   Block, load, store from block_1.wgsl | block_4.wgsl; RoiAxis, SLACK, roi_axis from roi_align_axis.wgsl;
//   reach_of, weight_on from roi_align_weight.wgsl; next_region from roi_list.wgsl

struct Params {
  total: u32,      // elements of dx, in blocks
  height: i32,
  width: i32,
  channels: u32,   // in lanes
  gap: u32,        // lanes from one part of a block to the next
  pooled_h: i32,
  pooled_w: i32,
  bands: u32,
  band: u32,
  scale: f32,
  samples: i32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> src: array<T>;
@group(0) @binding(2) var<storage, read> rois: array<f32>;
@group(0) @binding(3) var<storage, read> lists: array<vec2u>;
@group(0) @binding(4) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> dst: array<T>;

// The bins first..last that can have a sample there.
fn bins_near(axis: RoiAxis, reach: vec2f, pooled: i32) -> vec2i {
  if (axis.bin <= 0.0) { return vec2i(0, pooled - 1); }
  let bins = floor((reach + vec2f(-SLACK, SLACK) - axis.start) / axis.bin);
  return vec2i(clamp(bins, vec2f(0.0), vec2f(f32(pooled - 1))));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i % p.gap;
  let pixel = i / p.gap;
  let row = pixel / u32(p.width);
  let n = row / u32(p.height);
  let h = i32(row % u32(p.height));
  let w = i32(pixel % u32(p.width));
  let reach_h = reach_of(h, p.height);
  let reach_w = reach_of(w, p.width);
  let column = u32(w);
  let range = ranges[n * p.bands + u32(h) / p.band];
  var sum = Block();
  var at = next_region(range.x, range.y, column);
  while (at < range.y) {
    let region = lists[at].x;
    let roi = 5u * region;
    let rows = roi_axis(rois[roi + 2u], rois[roi + 4u], p.pooled_h, p.scale, p.samples);
    let columns = roi_axis(rois[roi + 1u], rois[roi + 3u], p.pooled_w, p.scale, p.samples);
    let bins_h = bins_near(rows, reach_h, p.pooled_h);
    let bins_w = bins_near(columns, reach_w, p.pooled_w);
    var part = Block();
    for (var pw = bins_w.x; pw <= bins_w.y; pw++) {
      let across = weight_on(w, columns, pw, reach_w, p.width);
      if (across == 0.0) { continue; }
      for (var ph = bins_h.x; ph <= bins_h.y; ph++) {
        let down = weight_on(h, rows, ph, reach_h, p.height);
        if (down == 0.0) { continue; }
        let bin = (i32(region) * p.pooled_h + ph) * p.pooled_w + pw;
        part += (across * down) * load(u32(bin) * p.channels + c, p.gap);
      }
    }
    sum += (1.0 / max(f32(rows.grid) * f32(columns.grid), 1.0)) * part;
    at = next_region(at + 1u, range.y, column);
  }
  store(pixel * p.channels + c, p.gap, sum);
}
