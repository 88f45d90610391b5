// paste_masks.wgsl: masks of boxes, enlarged to their boxes and put where these lie in the image.
// One invocation owns one pixel of one mask. Moves 1 element a pixel, and up to 4 inside of the box.

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
