// norm_finish_each_4.wgsl: stores the statistics of four groups.
// needs: S from header; finish from norm_finish_batch.wgsl | norm_finish_group.wgsl

fn finish_each(o: u32, mean: S, variance: S, count: f32) {
  for (var k = 0u; k < 4u; k++) { finish(o * 4u + k, mean[k], variance[k], count); }
}
