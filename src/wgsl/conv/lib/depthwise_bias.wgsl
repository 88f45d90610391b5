// depthwise_bias.wgsl: the bias of each channel, in lanes.
// needs: T, V from header

@group(0) @binding(4) var<storage, read> bias_values: array<T>;

fn bias(c: u32) -> V {
  return V(bias_values[c]);
}
