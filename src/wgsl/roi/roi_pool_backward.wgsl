// roi_pool_backward.wgsl: dx[n, h, w, c] = the sum of dy over the bins whose maximum is at (h, w).
// One invocation owns one element of dx, or four channels of it (T, V, VI hold the lanes); nothing is shared. It goes
// through the regions that reach its row (roi_rows.wgsl listed them), skips those whose columns do not reach it, and of
// the others visits the bins that contain its cell: one or two per axis, more where bins are smaller than cells. Fixed
// order, no atomics. Reads one index per bin, and an element of dy where it names this cell.
// needs: LANES, T, V, VI, WORKGROUP from header; invocation_index from grid.wgsl; next_region from roi_list.wgsl;
//   roi_axis from roi_pool_axis.wgsl; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,      // elements of dx, in lanes
  height: i32,
  width: i32,
  channels: u32,   // in lanes
  pooled_h: i32,
  pooled_w: i32,
  bands: u32,
  band: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> indices: array<VI>;
@group(0) @binding(3) var<storage, read> rois: array<f32>;
@group(0) @binding(4) var<storage, read> lists: array<vec2u>;
@group(0) @binding(5) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(6) var<storage, read_write> dx: array<T>;

// The bins first..last that contain a cell: those with bin_cells().x <= cell < bin_cells().y, solved for the bin.
fn bins_of(axis: vec2i, cell: i32, pooled: i32) -> vec2i {
  let inside = cell - axis.x;
  if (inside < 0 || inside >= axis.y) { return vec2i(1, 0); }
  return vec2i(inside * pooled / axis.y, ((inside + 1) * pooled + axis.y - 1) / axis.y - 1);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i % p.channels;
  let pixel = i / p.channels;
  let row = pixel / u32(p.width);
  let n = row / u32(p.height);
  let h = i32(row % u32(p.height));
  let w = i32(pixel % u32(p.width));
  let here = VI(h * p.width + w);
  let column = u32(w);
  let range = ranges[n * p.bands + u32(h) / p.band];
  var sum = V(0);
  var at = next_region(range.x, range.y, column);
  while (at < range.y) {
    let region = lists[at].x;
    let roi = 5u * region;
    let rows = bins_of(roi_axis(rois[roi + 2u], rois[roi + 4u], p.scale), h, p.pooled_h);
    let columns = bins_of(roi_axis(rois[roi + 1u], rois[roi + 3u], p.scale), w, p.pooled_w);
    for (var ph = rows.x; ph <= rows.y; ph++) {
      for (var pw = columns.x; pw <= columns.y; pw++) {
        let bin = (i32(region) * p.pooled_h + ph) * p.pooled_w + pw;
        let at_bin = u32(bin) * p.channels + c;
        let mine = indices[at_bin] == here;
        if (any(mine)) {
          sum += select(V(0), V(dy[at_bin]), mine);
        }
      }
    }
    at = next_region(at + 1u, range.y, column);
  }
  dx[i] = T(epilogue(sum, i * LANES));
}
