// norm_sums_1.wgsl: the two gradient sums of the group of channel c; a group has p.depth channels.
// needs: p.depth, p.groups from norm_backward_apply.wgsl

@group(0) @binding(6) var<storage, read> group_sums: array<vec2f>;

fn sum_of(row: u32, c: u32) -> f32 { return group_sums[row * p.groups + c / p.depth].x; }
fn sum_xhat_of(row: u32, c: u32) -> f32 { return group_sums[row * p.groups + c / p.depth].y; }
