// nms_mask.wgsl: for a block of boxes in the order of their scores, bit j of row i says that box i, if it is
// kept, removes box j > i of the same block.
// One invocation owns one word (32 boxes) of four consecutive rows, side by side in vectors, so that each of
// the 32 boxes is loaded once for four pairs; the 256 rows of a workgroup read the same boxes at the same
// time. Words left of the diagonal are never read, so their workgroups end at once.

struct Params {
  boxes: u32,     // boxes of an image
  image: u32,     // the first image of this dispatch
  start: u32,     // the block's first box
  block: u32,     // boxes of a block
  words: u32,     // words of a row
  most: u32,      // detections asked for
  threshold: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sorted: array<vec4f>;
@group(0) @binding(2) var<storage, read> sorted_labels: array<i32>;
@group(0) @binding(3) var<storage, read> progress: array<Progress>;
@group(0) @binding(4) var<storage, read_write> mask: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image = p.image + group.z;
  let first = image * p.boxes + p.start;
  let so_far = progress[image];
  // In the first block nothing is found, and nothing written.
  let enough = (p.start > 0u) & (so_far.found >= p.most);
  let n = select(min(max(so_far.candidates, p.start) - p.start, p.block), 0u, enough);
  let rows = vec4u(0u, 1u, 2u, 3u) + (group.x * 64u + lane) * 4u;
  let start = group.y * 32u;
  if (rows.x >= n || start >= n || start + 31u < rows.x) { return; }
  let at = first + min(rows, vec4u(n - 1u));
  let own = sides_of(sorted[at.x], sorted[at.y], sorted[at.z], sorted[at.w]);
  let areas = areas_of(own);
  let labels = vec4i(sorted_labels[at.x], sorted_labels[at.y], sorted_labels[at.z], sorted_labels[at.w]);
  var bits = vec4u(0u);
  let end = min(start + 32u, n);
  for (var j = start; j < end; j++) {
    let removes = overlapping(own, areas, sorted[first + j], p.threshold);
    let counts = (vec4u(j) > rows) & (labels == vec4i(sorted_labels[first + j]));
    bits |= select(vec4u(0u), vec4u(1u << (j - start)), removes & counts);
  }
  for (var k = 0u; k < 4u && rows.x + k < n; k++) {
    mask[(group.z * p.block + rows.x + k) * p.words + group.y] = bits[k];
  }
}
