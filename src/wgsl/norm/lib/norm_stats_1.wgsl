// norm_stats_1.wgsl: mean and 1 / deviation of the group of channel c; p.depth channels make a group.

fn mean_of(row: u32, c: u32) -> f32 { return mean[row * p.groups + c / p.depth]; }
fn invstd_of(row: u32, c: u32) -> f32 { return invstd[row * p.groups + c / p.depth]; }
