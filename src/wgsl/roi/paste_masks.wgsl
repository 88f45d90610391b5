// paste_masks.wgsl: masks resized to their boxes and pasted into the image at their places.
// One invocation owns one pixel of one mask; nothing is shared. Reads up to 4 elements per pixel inside of the box,
// writes 1 per pixel.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; extent_of from box_extent.wgsl;
//   pasted from pasted_mask.wgsl

struct Params {
  total: u32,    // elements of y
  height: u32,
  width: u32,
  size: u32,     // side of a mask
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> masks: array<T>;
@group(0) @binding(2) var<storage, read> boxes: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let pixel = vec2i(i32(i % p.width), i32((i / p.width) % p.height));
  let mask = i / (p.width * p.height);
  let extent = extent_of(mask);
  let at = pixel - extent.start;
  if (any(at < vec2i(0)) || any(at >= extent.size)) {
    y[i] = T(0.0);
    return;
  }
  y[i] = T(pasted(mask, extent, pixel));
}
