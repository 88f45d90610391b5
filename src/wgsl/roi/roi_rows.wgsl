// roi_rows.wgsl: for each band of rows of each image, the regions that reach into it, in order.
// One invocation owns one band and reads all R regions: the image number twice, the rest only for its own image;
// nothing is shared. Every region has one image, so the lists of a band for all images fit into R entries, one after
// another. This runs before a backward gather, whose cells then skip most regions without reading them.
// needs: WORKGROUP from header; invocation_index from grid.wgsl; covered from roi_align_axis.wgsl | roi_pool_axis.wgsl

struct Params {
  total: u32,    // images * bands
  count: u32,    // R
  bands: u32,
  band: u32,     // rows per band
  height: i32,
  width: i32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> rois: array<f32>;            // image, x1, y1, x2, y2
@group(0) @binding(2) var<storage, read_write> lists: array<vec2u>;   // region, first column | last << 16
@group(0) @binding(3) var<storage, read_write> ranges: array<vec2u>;  // of each band in lists: begin, end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let image = i32(i / p.bands);
  let band = i % p.bands;
  let top = i32(band * p.band);
  let bottom = top + i32(p.band) - 1;
  var begin = band * p.count;
  for (var r = 0u; r < p.count; r++) {
    let other = i32(max(rois[5u * r], -1.0));
    begin += select(0u, 1u, other >= 0 && other < image);
  }
  var end = begin;
  for (var r = 0u; r < p.count; r++) {
    let at = 5u * r;
    if (i32(max(rois[at], -1.0)) != image) { continue; }
    let rows = covered(rois[at + 2u], rois[at + 4u], p.height, p.scale);
    if (rows.x > rows.y || rows.x > bottom || rows.y < top) { continue; }
    let columns = covered(rois[at + 1u], rois[at + 3u], p.width, p.scale);
    if (columns.x > columns.y) { continue; }
    let bounds = min(vec2u(columns), vec2u(65535u));
    lists[end] = vec2u(r, bounds.x | (bounds.y << 16u));
    end++;
  }
  ranges[i] = vec2u(begin, end);
}
