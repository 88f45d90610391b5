// norm_sums_1.wgsl: the two gradient sums of the group of channel c; a group has p.depth channels.
// needs: sums, sums_xhat, p.depth, p.groups from norm_backward_apply.wgsl

fn sum_of(row: u32, c: u32) -> f32 { return sums[row * p.groups + c / p.depth]; }
fn sum_xhat_of(row: u32, c: u32) -> f32 { return sums_xhat[row * p.groups + c / p.depth]; }
