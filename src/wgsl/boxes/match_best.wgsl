// match_best.wgsl: the maximum of each chunk of each box's row of values, which are all >= 0.
// One invocation owns one chunk; nothing is shared. Reads each value once and writes one per chunk. Runs twice: over
// the IoU with all anchors, then over the maxima of the chunks.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // chunks of all boxes
  first: u32,   // the first image
  boxes: u32,   // boxes per image, padding included
  n: u32,       // values per box
  chunks: u32,  // chunks per box
  chunk: u32,   // values per chunk
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> count: array<i32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> best: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i / p.chunks;
  if (i32(row % p.boxes) >= count[p.first + row / p.boxes]) { return; }
  let c = i % p.chunks;
  let end = row * p.n + min((c + 1u) * p.chunk, p.n);
  var top = 0.0;
  for (var j = row * p.n + c * p.chunk; j < end; j++) {
    top = max(top, values[j]);
  }
  best[i] = top;
}
