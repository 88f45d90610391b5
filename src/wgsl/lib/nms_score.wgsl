// nms_score.wgsl: whether non-maximum suppression considers a box of this score. NaN never counts.

fn score_counts(score: f32, threshold: f32, limited: u32) -> bool {
  if ((bitcast<u32>(score) & 0x7fffffffu) > 0x7f800000u) { return false; }
  return limited == 0u || score > threshold;
}
