// norm_finish_group.wgsl: stores the statistics of group and layer norm from a group's mean and (biased) variance.
// needs: p.eps from norm_block_apply.wgsl | norm_combine.wgsl | norm_row_moments.wgsl | norm_whole.wgsl

@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> invstd: array<f32>;

fn finish(o: u32, group_mean: f32, variance: f32, count: f32) {
  mean[o] = group_mean;
  invstd[o] = 1.0 / sqrt(variance + p.eps);
}
