// nms_sorted_here.wgsl: for nms_survivors.wgsl, sorts the boxes of an image: the place of a box is the number of those that
// come before it.
// An invocation owns four boxes at a time and reads all keys from shared memory.
// needs: LANES, MOST_BOXES, T from header; float_key from sort_key.wgsl;
//   order, p.boxes, p.limited, p.score_threshold from nms_survivors.wgsl

@group(0) @binding(4) var<storage, read> scores: array<T>;

var<workgroup> keys: array<vec4u, MOST_BOXES / 4u>;
const LEFT_OUT = 0xffffffffu;   // greater than the key of any score

var<workgroup> part: u32;

// As in nms_keys.wgsl; places beyond the last box are left out.
fn key_at(image: u32, place: u32) -> u32 {
  let score = f32(scores[image * p.boxes + min(place, p.boxes - 1u)]);
  let key = ~float_key(score);
  let counts = (p.limited == 0u) | ((key > 0u) & (score > p.score_threshold));
  return select(LEFT_OUT, key, counts & (place < p.boxes));
}

// How many of four keys are less than each of `key`.
fn less(four: vec4u, key: vec4u) -> vec4u {
  return select(vec4u(0u), vec4u(1u), vec4u(four.x) < key) + select(vec4u(0u), vec4u(1u), vec4u(four.y) < key)
    + select(vec4u(0u), vec4u(1u), vec4u(four.z) < key) + select(vec4u(0u), vec4u(1u), vec4u(four.w) < key);
}

// How many boxes of an image take part; they are listed in `order`.
fn taking_part(image: u32, lane: u32) -> u32 {
  let first = image * p.boxes;
  let end = (p.boxes + 4u * LANES - 1u) / (4u * LANES) * (4u * LANES);
  var own = vec4u();
  // Whole vectors: two invocations must not write components of one.
  for (var i = lane; i < end / 4u; i += LANES) {
    let four = vec4u(key_at(image, 4u * i), key_at(image, 4u * i + 1u), key_at(image, 4u * i + 2u), key_at(image, 4u * i + 3u));
    own += select(vec4u(0u), vec4u(1u), four != vec4u(LEFT_OUT));
    keys[i] = four;
  }
  let sum = subgroupAdd(own.x + own.y + own.z + own.w);
  if (lane == 0u) { part = sum; }
  let number = workgroupUniformLoad(&part);
  for (var start = 0u; start < end; start += 4u * LANES) {
    let places = start + 4u * lane + vec4u(0u, 1u, 2u, 3u);
    let key = keys[start / 4u + lane];
    var to = vec4u();
    // Of equal keys the first one comes first. (That of a box that is left out plus 1 is 0; its place is not used.)
    for (var i = 0u; i < start / 4u; i++) { to += less(keys[i], key + 1u); }
    for (var i = start; i < start + 4u * LANES; i++) {
      let other = vec4u(keys[i / 4u][i % 4u]);
      to += select(vec4u(0u), vec4u(1u), (other < key) | ((other == key) & (vec4u(i) < places)));
    }
    for (var i = start / 4u + LANES; i < end / 4u; i++) { to += less(keys[i], key); }
    if (key.x != LEFT_OUT) { order[first + to.x] = places.x; }
    if (key.y != LEFT_OUT) { order[first + to.y] = places.y; }
    if (key.z != LEFT_OUT) { order[first + to.z] = places.z; }
    if (key.w != LEFT_OUT) { order[first + to.w] = places.w; }
  }
  storageBarrier();
  return number;
}
