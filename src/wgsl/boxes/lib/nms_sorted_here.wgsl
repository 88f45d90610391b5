// nms_sorted_here.wgsl: for nms_survivors.wgsl, sorts the boxes of an image: the place of a box is the number of those that
// come before it.
// An invocation owns four boxes at a time and reads all keys from shared memory.
// needs: LANES, MOST_BOXES, T from header; float_key from sort_key.wgsl;
//   order, p.boxes, p.limited, p.score_threshold from nms_survivors.wgsl

@group(0) @binding(4) var<storage, read> scores: array<T>;

var<workgroup> keys: array<u32, MOST_BOXES>;
const LEFT_OUT = 0xffffffffu;   // greater than the key of any score

var<workgroup> part: u32;

// As in nms_keys.wgsl.
fn key_of(box: u32) -> u32 {
  let score = f32(scores[box]);
  let key = ~float_key(score);
  return select(LEFT_OUT, key, (p.limited == 0u) | ((key > 0u) & (score > p.score_threshold)));
}

fn less(i: u32, key: vec4u) -> vec4u {
  return select(vec4u(0u), vec4u(1u), vec4u(keys[i]) < key);
}

fn less_or_equal(i: u32, key: vec4u) -> vec4u {
  return select(vec4u(0u), vec4u(1u), vec4u(keys[i]) <= key);
}

// How many boxes of an image take part; they are listed in `order`.
fn taking_part(image: u32, lane: u32) -> u32 {
  let first = image * p.boxes;
  let end = (p.boxes + 4u * LANES - 1u) / (4u * LANES) * (4u * LANES);
  var own = 0u;
  for (var i = lane; i < end; i += LANES) {
    let key = select(LEFT_OUT, key_of(first + min(i, p.boxes - 1u)), i < p.boxes);
    own += u32(key != LEFT_OUT);
    keys[i] = key;
  }
  let sum = subgroupAdd(own);
  if (lane == 0u) { part = sum; }
  let number = workgroupUniformLoad(&part);
  for (var start = 0u; start < end; start += 4u * LANES) {
    let places = start + 4u * lane + vec4u(0u, 1u, 2u, 3u);
    let key = vec4u(keys[places.x], keys[places.y], keys[places.z], keys[places.w]);
    var to = vec4u();
    // Of equal keys the first one comes first.
    for (var i = 0u; i < start; i += 4u) {
      to += less_or_equal(i, key) + less_or_equal(i + 1u, key) + less_or_equal(i + 2u, key) + less_or_equal(i + 3u, key);
    }
    for (var i = start; i < start + 4u * LANES; i++) {
      to += select(less(i, key), less_or_equal(i, key), vec4u(i) < places);
    }
    for (var i = start + 4u * LANES; i < end; i += 4u) {
      to += less(i, key) + less(i + 1u, key) + less(i + 2u, key) + less(i + 3u, key);
    }
    if (key.x != LEFT_OUT) { order[first + to.x] = places.x; }
    if (key.y != LEFT_OUT) { order[first + to.y] = places.y; }
    if (key.z != LEFT_OUT) { order[first + to.z] = places.z; }
    if (key.w != LEFT_OUT) { order[first + to.w] = places.w; }
  }
  storageBarrier();
  return number;
}
