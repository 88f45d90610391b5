// nms_sorted_before.wgsl: for nms_survivors.wgsl, boxes that dispatches before it have sorted.
// needs: p.boxes from nms_survivors.wgsl

@group(0) @binding(4) var<storage, read> keys: array<u32>;   // by falling score, then those of boxes that are left out

var<workgroup> part: u32;

// How many boxes of an image take part: the same in all invocations, also for the compiler, which does not take it for granted
// where `keys` shares a buffer with what is written.
fn taking_part(image: u32, lane: u32) -> u32 {
  var low = 0u;
  var high = p.boxes;
  while (low < high) {
    let middle = (low + high) / 2u;
    let counts = keys[image * p.boxes + middle] != 0xffffffffu;
    low = select(low, middle + 1u, counts);
    high = select(middle, high, counts);
  }
  if (lane == 0u) { part = low; }
  return workgroupUniformLoad(&part);
}
