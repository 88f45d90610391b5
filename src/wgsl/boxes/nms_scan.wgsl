// nms_scan.wgsl: the boxes that are kept, from the bits of nms_mask.wgsl, 32 boxes per turn.
// One workgroup owns an image and keeps one bit per box removed so far in shared memory. In a turn every invocation
// decides which of the 32 boxes are kept: 32 steps on words that all of them read, with the same result. Then each
// marks what those remove in its own words. It reads all 32 rows at once, needed or not, and with them the words that
// decide the next turn, so that a turn waits for memory once. Reads half of the mask.
// needs: LANES, MOST_WORDS from header; box_at, p.boxes, p.most, p.words from nms_sorted.wgsl

@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> flags: array<u32>;
@group(0) @binding(4) var<storage, read_write> indices: array<i32>;
@group(0) @binding(5) var<storage, read_write> count: array<i32>;

var<workgroup> removed: array<u32, MOST_WORDS>;
var<workgroup> own_words: array<u32, 32>;   // which of the 32 boxes of a turn remove which

fn row_of(image: u32, place: u32, word: u32) -> u32 {
  // Beyond the last box the result does not matter.
  return mask[(image * p.boxes + min(place, p.boxes - 1u)) * p.words + word];
}

fn absent(image: u32, place: u32) -> bool {
  return (place >= p.boxes) | (flags[box_at(image, place)] > 0u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.x;
  for (var word = lane; word < p.words; word += LANES) {
    var bits = 0u;
    for (var k = 0u; k < 32u; k++) { bits |= u32(absent(image, word * 32u + k)) << k; }
    removed[word] = bits;
  }
  let turns = (p.boxes + 31u) / 32u;
  let box = lane % 32u;
  var next = row_of(image, box, 0u);
  var found = 0u;
  for (var turn = 0u; turn < turns; turn++) {
    if (lane < 32u) { own_words[lane] = next; }
    workgroupBarrier();
    var gone = removed[turn];
    var kept = 0u;
    for (var k = 0u; k < 32u; k++) {
      let stays = (((gone >> k) & 1u) == 0u) & (found + countOneBits(kept) < p.most);
      kept |= u32(stays) << k;
      gone |= select(0u, own_words[k], stays);
    }
    next = row_of(image, (turn + 1u) * 32u + box, min(turn + 1u, turns - 1u));
    for (var word = turn + 1u + lane; word < turns; word += LANES) {
      var bits = 0u;
      for (var k = 0u; k < 32u; k++) {
        bits |= select(0u, row_of(image, turn * 32u + k, word), ((kept >> k) & 1u) > 0u);
      }
      removed[word] |= bits;
    }
    if (lane < 32u) {
      let before = countOneBits(kept & ((1u << lane) - 1u));
      if (((kept >> lane) & 1u) > 0u) {
        indices[image * p.most + found + before] = i32(box_at(image, turn * 32u + lane) - image * p.boxes);
      }
    }
    found += countOneBits(kept);
    workgroupBarrier();
  }
  for (var i = found + lane; i < p.most; i += LANES) { indices[image * p.most + i] = -1; }
  if (lane == 0u) { count[image] = i32(found); }
}
