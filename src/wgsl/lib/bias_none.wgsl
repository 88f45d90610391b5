// bias_none.wgsl: no bias.

fn bias(column: u32) -> f32 {
  return 0.0;
}
