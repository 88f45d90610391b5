// weighted_box_fusion.wgsl: each box, by falling score, joins the nearest cluster of its label or starts a new one.
// One workgroup owns an image. Cluster c belongs to invocation c % LANES, which alone reads and writes it, so that
// clusters need no barrier. Each invocation finds the nearest of its own clusters; integer maxima in shared memory find
// the nearest of all, whatever the order. Two barriers per box. Reads 5 words per box and cluster.
// needs: LANES, MAXIMUM, T from header; Cluster from box_cluster.wgsl; box_area, box_intersection from box_iou.wgsl;
//   float_key from sort_key.wgsl

struct Params {
  boxes: u32,       // boxes per image
  images: u32,
  most: u32,        // detections asked for
  models: u32,
  threshold: f32,   // of IoU
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> boxes: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> scores: array<T>;
@group(0) @binding(3) var<storage, read> labels: array<i32>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> flags: array<u32>;
@group(0) @binding(6) var<storage, read_write> clusters: array<Cluster>;
@group(0) @binding(7) var<storage, read_write> keys: array<u32>;
@group(0) @binding(8) var<storage, read_write> fused_count: array<i32>;

// For the current box and the next one: the greatest IoU, and the complement of the first cluster that has it.
var<workgroup> greatest: array<atomic<u32>, 2>;
var<workgroup> nearest: array<atomic<u32>, 2>;
var<workgroup> part: u32;   // boxes of the image that take part

fn fused_score(cluster: Cluster) -> f32 {
  if (MAXIMUM) { return cluster.top; }
  let mean = cluster.score / f32(cluster.members);
  return mean * f32(min(cluster.members, p.models)) / f32(p.models);
}

// How many boxes take part: those that are left out come last.
fn taking_part(first: u32) -> u32 {
  var low = 0u;
  var high = p.boxes;
  while (low < high) {
    let middle = (low + high) / 2u;
    let counts = flags[first + order[first + middle]] == 0u;
    low = select(low, middle + 1u, counts);
    high = select(middle, high, counts);
  }
  return low;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = group.z * 65535u + group.y;
  if (image >= p.images) { return; }
  let first = image * p.boxes;
  if (lane == 0u) { part = taking_part(first); }
  let end = workgroupUniformLoad(&part);
  var found = 0u;
  for (var k = 0u; k < end; k++) {
    let box = first + order[first + k];
    let sides = vec4f(boxes[box]);
    let score = f32(scores[box]);
    let label = labels[box];
    let turn = k % 2u;
    var best = 0.0;
    var own = 0u;   // the complement of a cluster's number; 0: none
    for (var c = lane; c < found; c += LANES) {
      let other = clusters[first + c].sides;
      let overlap = box_intersection(sides, other);
      let whole = box_area(sides) + box_area(other) - overlap;
      let iou = overlap / whole;
      // A product instead of the quotient: exact at ties such as 30 / 100 > 0.3, and no 0 / 0.
      let joins = (overlap > p.threshold * whole) & (iou > best) & (clusters[first + c].label == label);
      best = select(best, iou, joins);
      own = select(own, ~c, joins);
    }
    if (own > 0u) { atomicMax(&greatest[turn], bitcast<u32>(best)); }
    workgroupBarrier();
    if ((own > 0u) & (bitcast<u32>(best) == atomicLoad(&greatest[turn]))) { atomicMax(&nearest[turn], own); }
    if (lane == 0u) {
      atomicStore(&greatest[1u - turn], 0u);
      atomicStore(&nearest[1u - turn], 0u);
    }
    workgroupBarrier();
    let joined = atomicLoad(&nearest[turn]);
    let c = select(found, ~joined, joined > 0u);
    if (c % LANES == lane) {
      var cluster = Cluster(sides, sides * score, score, score, 1u, label);
      if (joined > 0u) {
        let before = clusters[first + c];
        cluster.sums += before.sums;
        cluster.score += before.score;
        cluster.sides = cluster.sums / cluster.score;
        cluster.top = before.top;
        cluster.members += before.members;
      }
      clusters[first + c] = cluster;
    }
    found += u32(joined == 0u);
  }
  for (var c = lane; c < p.boxes; c += LANES) {
    var key = 0xffffffffu;
    if (c < found) {
      let score = fused_score(clusters[first + c]);
      clusters[first + c].score = score;
      key = ~float_key(score);
    }
    keys[first + c] = key;
  }
  if (lane == 0u) { fused_count[image] = i32(min(found, p.most)); }
}
