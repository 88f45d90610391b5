// nms_scan.wgsl: the boxes of a block that survive, in the order of their scores.
// One workgroup owns one image. It takes 32 boxes at a time: one invocation decides which of them stay (from
// the 32 words on the diagonal), then all join the rows of those that do to the set of removed boxes, which
// the workgroup shares. Reads each kept box's row right of the diagonal once; two barriers for 32 boxes.

struct Params {
  boxes: u32,   // boxes of an image
  image: u32,   // the first image of this dispatch
  start: u32,   // the block's first box
  block: u32,   // boxes of a block
  words: u32,   // words of a row
  most: u32,    // detections asked for
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> flags: array<u32>;
@group(0) @binding(4) var<storage, read_write> progress: array<Progress>;
@group(0) @binding(5) var<storage, read_write> kept_boxes: array<u32>;
@group(0) @binding(6) var<storage, read_write> indices: array<i32>;
@group(0) @binding(7) var<storage, read_write> count: array<i32>;

var<workgroup> removed: array<u32, WORDS>;
var<workgroup> diagonal: array<u32, 32>;
var<workgroup> here: u32;
var<workgroup> kept: u32;
var<workgroup> found: u32;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = p.image + group.x;
  let first = image * p.boxes + p.start;
  let row = group.x * p.block;
  // What was found before this block; in the first one nothing, and no flag is written yet.
  let before = select(progress[image].found, 0u, p.start == 0u);
  if (lane == 0u) {
    let left = max(progress[image].candidates, p.start) - p.start;
    here = select(min(left, min(p.boxes - p.start, p.block)), 0u, before >= p.most);
    found = before;
  }
  let n = workgroupUniformLoad(&here);
  let words = (n + 31u) / 32u;
  if (p.start > 0u) {
    for (var v = lane; v < words; v += LANES) {
      var gone = 0u;
      for (var j = v * 32u; j < min(v * 32u + 32u, n); j++) {
        gone |= flags[first + j] << (j & 31u);
      }
      removed[v] = gone;
    }
  }
  if (lane < min(n, 32u)) {
    diagonal[lane] = mask[(row + lane) * p.words];
  }
  for (var w = 0u; w < words; w++) {
    workgroupBarrier();
    if (lane == 0u) {
      let bits = min(n - w * 32u, 32u);
      var gone = removed[w];
      var keep = 0u;
      if (found < p.most) {
        for (var bit = 0u; bit < bits; bit++) {
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
        kept_boxes[row + place - before] = p.start + w * 32u + lane;
        if (place < p.most) {
          indices[image * p.most + place] = i32(order[first + w * 32u + lane]);
        }
      }
      let next = (w + 1u) * 32u + lane;
      if (next < n) {
        diagonal[lane] = mask[(row + next) * p.words + w + 1u];
      }
    }
    if (keep != 0u) {
      for (var v = w + 1u + lane; v < words; v += LANES) {
        var gone = removed[v];
        for (var bits = keep; bits != 0u; bits &= bits - 1u) {
          gone |= mask[(row + w * 32u + firstTrailingBit(bits)) * p.words + v];
        }
        removed[v] = gone;
      }
    }
  }
  workgroupBarrier();
  if (lane == 0u) {
    progress[image].found = found;
    progress[image].kept = found - before;
  }
  // The last block ends the image.
  if (p.start + p.block < p.boxes) { return; }
  let total = min(found, p.most);
  for (var i = total + lane; i < p.most; i += LANES) {
    indices[image * p.most + i] = -1;
  }
  if (lane == 0u) {
    count[image] = i32(total);
  }
}
