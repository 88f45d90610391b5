// depthwise_bias.wgsl: a value for each channel, in lanes.

@group(0) @binding(4) var<storage, read> bias_values: array<T>;

fn bias(c: u32) -> V {
  return V(bias_values[c]);
}
