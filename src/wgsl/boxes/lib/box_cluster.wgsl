// box_cluster.wgsl: a cluster of fused boxes.

struct Cluster {
  sides: vec4f,     // of the fused box
  sums: vec4f,      // of its members' sides times their scores
  score: f32,       // the sum of its members' scores; when all boxes have a cluster, the fused score
  top: f32,         // its members' greatest score
  members: u32,
  label: i32,
}
