// panoptic_covered.wgsl: the pixels that each instance of an image covers, one bit per pixel.
// One invocation owns a word: 32 neighbours in a row of one instance; nothing is shared. Reads up to 4 elements of the
// mask per pixel inside of its box, writes 1 bit per pixel.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; extent_of from box_extent.wgsl;
//   pasted from pasted_mask.wgsl

struct Params {
  total: u32,      // words of all instances
  height: u32,
  width: u32,
  across: u32,     // words per row
  instances: u32,  // of an image, padding included
  size: u32,       // side of a mask
  threshold: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> masks: array<T>;
@group(0) @binding(2) var<storage, read> boxes: array<f32>;
@group(0) @binding(3) var<storage, read> count: array<i32>;
@group(0) @binding(4) var<storage, read_write> covered: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let mask = i / (p.across * p.height);
  let row = i32((i / p.across) % p.height);
  let first = i32(i % p.across) * 32;
  let extent = extent_of(mask);
  let end = extent.start + extent.size;
  let there = (i32(mask % p.instances) < count[mask / p.instances]) & (row >= extent.start.y) & (row < end.y);
  let stop = select(first, min(min(first + 32, i32(p.width)), end.x), there);
  var bits = 0u;
  for (var column = max(first, extent.start.x); column < stop; column++) {
    bits |= u32(pasted(mask, extent, vec2i(column, row)) >= p.threshold) << u32(column - first);
  }
  covered[i] = bits;
}
