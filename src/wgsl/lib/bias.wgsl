// bias.wgsl: the bias of each result channel.
// needs: T from header

@group(0) @binding(4) var<storage, read> bias_values: array<T>;

fn bias(column: u32) -> f32 {
  return f32(bias_values[column]);
}
