// weighted_box_fusion_store.wgsl: the clusters of greatest score as boxes, followed by zeros.
// One invocation owns one detection; nothing is shared. Reads 6 words and writes 6 per detection.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl; Cluster from box_cluster.wgsl

struct Params {
  total: u32,
  boxes: u32,   // boxes per image, and so the most clusters
  most: u32,    // detections per image
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> clusters: array<Cluster>;
@group(0) @binding(3) var<storage, read> fused_count: array<i32>;
@group(0) @binding(4) var<storage, read_write> fused_boxes: array<vec4<T>>;
@group(0) @binding(5) var<storage, read_write> fused_scores: array<T>;
@group(0) @binding(6) var<storage, read_write> fused_labels: array<i32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let image = i / p.most;
  let place = i % p.most;
  var cluster: Cluster;
  if (place < u32(fused_count[image])) {
    let first = image * p.boxes;
    cluster = clusters[first + order[first + place]];
  }
  fused_boxes[i] = vec4<T>(cluster.sides);
  fused_scores[i] = T(cluster.score);
  fused_labels[i] = cluster.label;
}
