// norm_finish_group.wgsl: what a normalisation keeps of a group's mean and (biased) variance.

@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> invstd: array<f32>;

fn finish(o: u32, group_mean: f32, variance: f32, count: f32) {
  mean[o] = group_mean;
  invstd[o] = 1.0 / sqrt(variance + p.eps);
}
