// nms_scan.wgsl: the boxes that survive, in the order of their scores.
// One workgroup owns one image. It takes 32 boxes at a time: one invocation decides which of them stay (from
// the 32 words on the diagonal), then all join the rows of those that do to the set of removed boxes, which
// the workgroup shares. Reads each kept box's row right of the diagonal once; two barriers a block.

struct Params {
  boxes: u32,   // boxes of an image
  words: u32,   // words of a row
  most: u32,    // detections asked for
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> candidates: array<u32>;
@group(0) @binding(4) var<storage, read_write> indices: array<i32>;
@group(0) @binding(5) var<storage, read_write> count: array<i32>;

const_assert WORDS <= 4000u;
var<workgroup> removed: array<u32, WORDS>;
var<workgroup> diagonal: array<u32, 32>;
var<workgroup> kept: u32;
var<workgroup> found: u32;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.x;
  let first = image * p.boxes;
  let n = min(candidates[image], p.boxes);
  let blocks = (n + 31u) / 32u;
  if (lane < min(n, 32u)) {
    diagonal[lane] = mask[(first + lane) * p.words];
  }
  for (var w = 0u; w < blocks; w++) {
    workgroupBarrier();
    if (lane == 0u) {
      let here = min(n - w * 32u, 32u);
      var gone = removed[w];
      var keep = 0u;
      if (found < p.most) {
        for (var bit = 0u; bit < here; bit++) {
          if (((gone >> bit) & 1u) == 0u) {
            keep |= 1u << bit;
            gone |= diagonal[bit];
          }
        }
      }
      kept = keep;
      found += countOneBits(keep);
    }
    workgroupBarrier();
    let keep = kept;
    if (lane < 32u) {
      if (((keep >> lane) & 1u) != 0u) {
        let place = found - countOneBits(keep >> lane);
        if (place < p.most) {
          indices[image * p.most + place] = i32(order[first + w * 32u + lane]);
        }
      }
      let next = (w + 1u) * 32u + lane;
      if (next < n) {
        diagonal[lane] = mask[(first + next) * p.words + w + 1u];
      }
    }
    if (keep != 0u) {
      for (var v = w + 1u + lane; v < blocks; v += LANES) {
        var gone = removed[v];
        for (var bits = keep; bits != 0u; bits &= bits - 1u) {
          gone |= mask[(first + w * 32u + firstTrailingBit(bits)) * p.words + v];
        }
        removed[v] = gone;
      }
    }
  }
  workgroupBarrier();
  let total = min(found, p.most);
  for (var i = total + lane; i < p.most; i += LANES) {
    indices[image * p.most + i] = -1;
  }
  if (lane == 0u) {
    count[image] = i32(total);
  }
}
