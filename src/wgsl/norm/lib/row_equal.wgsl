// row_equal.wgsl: which positions of x a row has, where all rows have as many: all of an image.
// needs: p.positions from norm_apply.wgsl | norm_backward_apply.wgsl | norm_backward_moments.wgsl |
//     norm_backward_whole.wgsl | norm_block_apply.wgsl | norm_block_backward_apply.wgsl |
//     norm_block_backward_moments.wgsl | norm_block_moments.wgsl | norm_combine.wgsl | norm_moments.wgsl | norm_whole.wgsl

fn row_first(row: u32) -> u32 { return row * p.positions; }
fn row_length(row: u32) -> u32 { return p.positions; }
