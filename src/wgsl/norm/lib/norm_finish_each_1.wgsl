// norm_finish_each_1.wgsl: stores the statistics of one group.
// needs: S from header; finish from norm_finish_batch.wgsl | norm_finish_group.wgsl

fn finish_each(o: u32, mean: S, variance: S, count: f32) { finish(o, mean, variance, count); }
