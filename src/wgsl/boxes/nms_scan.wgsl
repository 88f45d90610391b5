// nms_scan.wgsl: the boxes that are kept, from the bits of nms_mask.wgsl, 64 boxes per turn, until there are enough.
// One workgroup owns an image and keeps one bit per box removed so far in shared memory. In a turn every invocation walks
// through those of the 64 boxes that are left, with the same result; a step per kept box. Then each marks what those
// remove in its own pairs of words, eight rows at a time. With them it reads the words that decide the next turn, so that
// a turn waits for memory once if few are kept. Reads a part of the mask: the rows of kept boxes.
// needs: LANES, MOST_WORDS from header; box_at, p.boxes, p.most, p.words from nms_sorted.wgsl

@group(0) @binding(1) var<storage, read> mask: array<vec2u>;
@group(0) @binding(2) var<storage, read> flags: array<u32>;
@group(0) @binding(4) var<storage, read_write> indices: array<i32>;
@group(0) @binding(5) var<storage, read_write> count: array<i32>;

var<workgroup> removed: array<vec2u, MOST_WORDS / 2u>;
var<workgroup> own_pairs: array<array<vec2u, 64>, 2>;   // which of the 64 boxes of a turn remove which, by turns
var<workgroup> all_found: u32;

fn row_of(image: u32, place: u32, pair: u32) -> vec2u {
  // Beyond the last box the result does not matter.
  return mask[(image * p.boxes + min(place, p.boxes - 1u)) * (p.words / 2u) + pair];
}

fn absent(image: u32, place: u32) -> bool {
  return (place >= p.boxes) | (flags[box_at(image, place)] > 0u);
}

fn bit_of(k: u32) -> vec2u {
  return select(vec2u(0u, 1u << (k % 32u)), vec2u(1u << k, 0u), k < 32u);
}

// The lowest of 64 bits, one of which is set.
fn lowest(bits: vec2u) -> u32 {
  return select(32u + countTrailingZeros(bits.y), countTrailingZeros(bits.x), bits.x != 0u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.x;
  let turns = p.words / 2u;
  for (var pair = lane; pair < turns; pair += LANES) {
    var bits = vec2u();
    for (var k = 0u; k < 64u; k++) { bits |= select(vec2u(), bit_of(k), absent(image, pair * 64u + k)); }
    removed[pair] = bits;
  }
  let box = lane % 64u;
  var next = row_of(image, box, 0u);
  var found = 0u;
  for (var turn = 0u; turn < turns; turn++) {
    if (lane < 64u) { own_pairs[turn % 2u][lane] = next; }
    if (workgroupUniformLoad(&all_found) >= p.most) { break; }
    var left = ~removed[turn];
    var kept = vec2u();
    var number = 0u;
    while ((any(left != vec2u())) & (found + number < p.most)) {
      let k = lowest(left);
      kept |= bit_of(k);
      left &= ~(own_pairs[turn % 2u][k] | bit_of(k));
      number++;
    }
    next = row_of(image, (turn + 1u) * 64u + box, min(turn + 1u, turns - 1u));
    for (var pair = turn + 1u + lane; pair < turns; pair += LANES) {
      var bits = removed[pair];
      var rest = kept;
      while (any(rest != vec2u())) {
        var rows: array<vec2u, 8>;
        var k = 0u;
        for (var i = 0u; i < 8u; i++) {
          // Once more the last one, where there are fewer than eight.
          k = select(k, lowest(rest), any(rest != vec2u()));
          rest &= ~bit_of(k);
          rows[i] = row_of(image, turn * 64u + k, pair);
        }
        for (var i = 0u; i < 8u; i++) { bits |= rows[i]; }
      }
      removed[pair] = bits;
    }
    if (lane < 64u && any((kept & bit_of(lane)) != vec2u())) {
      let below = select(vec2u(0xffffffffu, (1u << (lane % 32u)) - 1u), vec2u((1u << lane) - 1u, 0u), lane < 32u);
      let before = countOneBits(kept & below);
      indices[image * p.most + found + before.x + before.y] =
        i32(box_at(image, turn * 64u + lane) - image * p.boxes);
    }
    found += number;
    if (lane == 0u) { all_found = found; }
  }
  for (var i = found + lane; i < p.most; i += LANES) { indices[image * p.most + i] = -1; }
  if (lane == 0u) { count[image] = i32(found); }
}
