// depthwise_bias_none.wgsl: no bias, in lanes.
// needs: V from header

fn bias(c: u32) -> V {
  return V(0.0);
}
