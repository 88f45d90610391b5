// nms_remove.wgsl: flags the boxes after a block that a kept box of the block removes.
// One invocation owns four consecutive boxes, side by side in vectors, and walks the kept boxes until all
// four are removed: 6 words a kept box and four boxes, the same ones for all invocations of an image.

struct Params {
  boxes: u32,     // boxes of an image
  image: u32,     // the first image of this dispatch
  start: u32,     // the block's first box
  block: u32,     // boxes of a block
  most: u32,      // detections asked for
  threshold: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sorted: array<vec4f>;
@group(0) @binding(2) var<storage, read> sorted_labels: array<i32>;
@group(0) @binding(3) var<storage, read> progress: array<Progress>;
@group(0) @binding(4) var<storage, read> kept_boxes: array<u32>;
@group(0) @binding(5) var<storage, read_write> flags: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = p.image + group.y;
  let first = image * p.boxes;
  let n = min(progress[image].candidates, p.boxes);
  let rows = vec4u(0u, 1u, 2u, 3u) + p.start + p.block + (group.x * 64u + lane) * 4u;
  if (rows.x >= n || progress[image].found >= p.most) { return; }
  let at = first + min(rows, vec4u(n - 1u));
  let own = sides_of(sorted[at.x], sorted[at.y], sorted[at.z], sorted[at.w]);
  let areas = areas_of(own);
  let labels = vec4i(sorted_labels[at.x], sorted_labels[at.y], sorted_labels[at.z], sorted_labels[at.w]);
  var gone = vec4<bool>(false);
  if (p.start > 0u) {
    gone = vec4u(flags[at.x], flags[at.y], flags[at.z], flags[at.w]) != vec4u(0u);
  }
  let end = progress[image].kept;
  for (var k = 0u; (k < end) & !all(gone); k++) {
    let other = first + kept_boxes[group.y * p.block + k];
    let same = labels == vec4i(sorted_labels[other]);
    gone |= overlapping(own, areas, sorted[other], p.threshold) & same;
  }
  for (var k = 0u; k < 4u && rows.x + k < n; k++) {
    flags[first + rows.x + k] = u32(gone[k]);
  }
}
