// norm_store_channels.wgsl: stores the gradients of a channel's bias and weight.

@group(0) @binding(4) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(5) var<storage, read_write> dweight: array<f32>;

fn store_sums(o: u32, v: vec2f) {
  dbias[o] = v.x;
  dweight[o] = v.y;
}
