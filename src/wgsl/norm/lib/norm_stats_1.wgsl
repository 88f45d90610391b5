// norm_stats_1.wgsl: mean and 1 / deviation of the group of channel c; a group has p.depth channels.
// needs: invstd, mean, p.depth, p.groups from norm_apply.wgsl | norm_backward_apply.wgsl | norm_backward_moments.wgsl

fn mean_of(row: u32, c: u32) -> f32 { return mean[row * p.groups + c / p.depth]; }
fn invstd_of(row: u32, c: u32) -> f32 { return invstd[row * p.groups + c / p.depth]; }
