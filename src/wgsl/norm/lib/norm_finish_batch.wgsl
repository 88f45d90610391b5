// norm_finish_batch.wgsl: stores the statistics of batch norm from a channel's mean and (biased) variance, and updates
// the running estimates, which take the unbiased variance.
// needs: p.eps, p.momentum from norm_block_apply.wgsl | norm_combine.wgsl | norm_row_moments.wgsl | norm_whole.wgsl

@group(0) @binding(3) var<storage, read> runningMean: array<f32>;
@group(0) @binding(4) var<storage, read> runningVar: array<f32>;
@group(0) @binding(5) var<storage, read_write> mean: array<f32>;
@group(0) @binding(6) var<storage, read_write> invstd: array<f32>;
@group(0) @binding(7) var<storage, read_write> newRunningMean: array<f32>;
@group(0) @binding(8) var<storage, read_write> newRunningVar: array<f32>;

fn finish(o: u32, group_mean: f32, variance: f32, count: f32) {
  mean[o] = group_mean;
  invstd[o] = 1.0 / sqrt(variance + p.eps);
  // An empty batch changes nothing; its count is given as 1.
  let momentum = select(0.0, p.momentum, count > 1.0);
  let unbiased = variance * (count / max(count - 1.0, 1.0));
  newRunningMean[o] = (1.0 - momentum) * runningMean[o] + momentum * group_mean;
  newRunningVar[o] = (1.0 - momentum) * runningVar[o] + momentum * unbiased;
}
