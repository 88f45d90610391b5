// roi_pool.wgsl: y[r, ph, pw, c] = the maximum of x over bin (ph, pw) of region r, indices = its place.
// One invocation owns one element of y and of indices, or four channels of them (T, V, VI, VU, B hold the lanes), and
// reads every cell of its bin once; nothing is shared. The first maximum wins; an empty bin gives 0 and -1.
// needs: LANES, T, V, VI, WORKGROUP from header; invocation_index from grid.wgsl; is_nan from nan.wgsl;
//   bin_cells, roi_axis from roi_pool_axis.wgsl; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,      // elements of y, in lanes
  images: i32,
  height: i32,
  width: i32,
  channels: u32,   // in lanes
  pooled_h: i32,
  pooled_w: i32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> rois: array<f32>;   // image, x1, y1, x2, y2
@group(0) @binding(3) var<storage, read_write> y: array<T>;
@group(0) @binding(4) var<storage, read_write> indices: array<VI>;

// torchvision starts here and takes only greater values, so NaN is never a maximum.
const LOWEST = -0x1.fffffep+127;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i % p.channels;
  let bin = i32(i / p.channels);
  let line_of_bins = bin / p.pooled_w;
  let roi = 5u * u32(line_of_bins / p.pooled_h);
  let image = i32(max(rois[roi], -1.0));
  var best = V(0);
  var place = VI(-1);
  if (image >= 0 && image < p.images) {
    let axis_h = roi_axis(rois[roi + 2u], rois[roi + 4u], p.scale);
    let axis_w = roi_axis(rois[roi + 1u], rois[roi + 3u], p.scale);
    let rows = bin_cells(axis_h, line_of_bins % p.pooled_h, p.pooled_h, p.height);
    let columns = bin_cells(axis_w, bin % p.pooled_w, p.pooled_w, p.width);
    if (rows.x < rows.y && columns.x < columns.y) { best = V(LOWEST); }
    for (var h = rows.x; h < rows.y; h++) {
      for (var w = columns.x; w < columns.y; w++) {
        let here = h * p.width + w;
        let value = V(x[u32(image * p.height * p.width + here) * p.channels + c]);
        let wins = (value > best) & !is_nan(value);
        best = select(best, value, wins);
        place = select(place, VI(here), wins);
      }
    }
  }
  y[i] = T(epilogue(best, i * LANES));
  indices[i] = place;
}
