// depthwise_bias_none.wgsl: no bias.

fn bias(c: u32) -> V {
  return V(0.0);
}
