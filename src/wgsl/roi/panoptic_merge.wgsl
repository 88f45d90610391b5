// panoptic_merge.wgsl: the segments of each image: instances one after the other, then the regions of the remaining
// pixels.
// One workgroup owns an image; an invocation owns every LANES-th word of 32 pixels in a row, so that only areas are
// shared: integers, whose sum does not depend on the order. For each instance the words of its rows are read once, and
// once more if it is kept; then all pixels twice, to measure the regions and to write them.
// needs: LANES, REGIONS, SLOTS from header; extent_of from box_extent.wgsl

struct Params {
  images: u32,
  height: u32,
  width: u32,
  across: u32,     // words per row
  instances: u32,  // of an image, padding included
  size: u32,       // side of a mask
  overlap: f32,    // the share of an instance that others may cover
  least: u32,      // pixels per region
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> boxes: array<f32>;
@group(0) @binding(2) var<storage, read> count: array<i32>;
@group(0) @binding(3) var<storage, read> semantic: array<i32>;
@group(0) @binding(4) var<storage, read> covered: array<u32>;
@group(0) @binding(5) var<storage, read_write> taken: array<u32>;
@group(0) @binding(6) var<storage, read_write> ids: array<i32>;
@group(0) @binding(7) var<storage, read_write> sources: array<i32>;
@group(0) @binding(8) var<storage, read_write> segments: array<i32>;

var<workgroup> all_pixels: atomic<u32>;    // of the instances so far
var<workgroup> free_pixels: atomic<u32>;
var<workgroup> listed: u32;                // instances of the image
var<workgroup> regions: array<atomic<u32>, SLOTS>;   // pixels of each region, then its number

// The first pixel of a word, and how many pixels it has.
fn pixels_of(image: u32, word: u32) -> vec2u {
  let column = (word % p.across) * 32u;
  return vec2u((image * p.height + word / p.across) * p.width + column, min(32u, p.width - column));
}

// The region of a pixel, from 0; a number beyond the last one for none.
fn region_of(pixel: u32) -> u32 {
  return u32(semantic[pixel]) - 1u;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.y * 65535u + group.x;
  if (image >= p.images) { return; }
  let words = p.height * p.across;
  let first = image * words;
  for (var word = lane; word < words; word += LANES) { taken[first + word] = 0u; }
  let slots = image * (p.instances + REGIONS);
  var found = 0u;
  var before = vec2u(0u);
  if (lane == 0u) { listed = min(u32(max(count[image], 0)), p.instances); }
  let most = workgroupUniformLoad(&listed);
  for (var k = 0u; k < most; k++) {
    let mask = image * p.instances + k;
    let extent = extent_of(mask);
    let rows = vec2u(clamp(vec2i(extent.start.y, extent.start.y + extent.size.y), vec2i(0), vec2i(i32(p.height))));
    let begin = rows.x * p.across;
    let end = rows.y * p.across;
    let own = begin - begin % LANES + lane;
    var pixels = vec2u(0u);
    for (var word = own; word < end; word += LANES) {
      let bits = covered[mask * words + word];
      pixels += vec2u(countOneBits(bits), countOneBits(bits & ~taken[first + word]));
    }
    atomicAdd(&all_pixels, pixels.x);
    atomicAdd(&free_pixels, pixels.y);
    workgroupBarrier();
    let sums = vec2u(atomicLoad(&all_pixels), atomicLoad(&free_pixels));
    workgroupBarrier();
    let area = sums - before;
    before = sums;
    let stays = (area.y > 0u) & (f32(area.x - area.y) <= p.overlap * f32(area.x));
    found += u32(stays);
    let stop = select(0u, end, stays);
    for (var word = own; word < stop; word += LANES) {
      let fresh = covered[mask * words + word] & ~taken[first + word];
      taken[first + word] |= fresh;
      let pixel = pixels_of(image, word).x;
      for (var rest = fresh; rest > 0u; rest &= rest - 1u) {
        ids[pixel + firstTrailingBit(rest)] = i32(found);
      }
    }
    if (stays & (lane == 0u)) { sources[slots + found - 1u] = i32(k); }
  }

  for (var word = lane; word < words; word += LANES) {
    let pixels = pixels_of(image, word);
    let blocked = taken[first + word];
    // Neighbours mostly belong to the same region: each run is added at once.
    var region = REGIONS;
    var run = 0u;
    for (var k = 0u; k < pixels.y; k++) {
      let here = select(region_of(pixels.x + k), REGIONS, ((blocked >> k) & 1u) > 0u);
      if (here != region) {
        if ((run > 0u) & (region < REGIONS)) { atomicAdd(&regions[region], run); }
        region = here;
        run = 0u;
      }
      run++;
    }
    if ((run > 0u) & (region < REGIONS)) { atomicAdd(&regions[region], run); }
  }
  workgroupBarrier();
  if (lane == 0u) {
    for (var region = 0u; region < REGIONS; region++) {
      let stays = atomicLoad(&regions[region]) >= p.least;
      if (stays) {
        sources[slots + found] = i32(p.instances + region);
        found++;
      }
      atomicStore(&regions[region], select(0u, found, stays));
    }
    segments[image] = i32(found);
    for (var k = found; k < p.instances + REGIONS; k++) { sources[slots + k] = -1; }
  }
  workgroupBarrier();
  for (var word = lane; word < words; word += LANES) {
    let pixels = pixels_of(image, word);
    let blocked = taken[first + word];
    for (var k = 0u; k < pixels.y; k++) {
      if (((blocked >> k) & 1u) == 0u) {
        let region = region_of(pixels.x + k);
        let number = atomicLoad(&regions[min(region, SLOTS - 1u)]);
        ids[pixels.x + k] = i32(select(0u, number, region < REGIONS));
      }
    }
  }
}
