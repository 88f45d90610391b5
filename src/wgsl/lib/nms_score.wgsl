// nms_score.wgsl: whether non-maximum suppression considers a box of this score. NaN passes no threshold.

fn score_counts(score: f32, threshold: f32, limited: u32) -> bool {
  let number = (bitcast<u32>(score) & 0x7fffffffu) <= 0x7f800000u;
  return (limited == 0u) | (number & (score > threshold));
}
