// nms_gather.wgsl: boxes and labels in the order of their scores, and how many of an image count.
// One invocation owns one place. The last place that counts writes the number: one writer an image.

struct Params {
  total: u32,
  boxes: u32,     // boxes of an image
  threshold: f32,
  limited: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> boxes: array<T>;
@group(0) @binding(2) var<storage, read> scores: array<T>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read_write> sorted: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> sorted_labels: array<i32>;
@group(0) @binding(6) var<storage, read_write> progress: array<Progress>;

fn counts_at(place: u32, first: u32) -> bool {
  return score_counts(f32(scores[first + order[place]]), p.threshold, p.limited);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let image = i / p.boxes;
  let first = image * p.boxes;
  let place = i - first;
  let source = first + order[i];
  let j = source * 4u;
  let box = vec4f(f32(boxes[j]), f32(boxes[j + 1u]), f32(boxes[j + 2u]), f32(boxes[j + 3u]));
  // With a corner that is NaN or infinite, every IoU is 0 or NaN: as that of an empty box, without counting
  // on the driver to compute with such numbers.
  let finite = (bitcast<vec4u>(box) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u);
  sorted[i] = select(vec4f(0.0), box, all(finite));
  sorted_labels[i] = label_of(source);
  if (!counts_at(i, first)) {
    if (place == 0u) { progress[image].candidates = 0u; }
  } else if (place + 1u == p.boxes || !counts_at(i + 1u, first)) {
    progress[image].candidates = place + 1u;
  }
}
