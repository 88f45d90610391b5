// first_dy.wgsl: how dy is read the first time. Lowering may put the sum of a product's parts in its place.
// needs: A from header; dy from norm_backward_whole.wgsl | norm_block_backward_moments.wgsl

fn first_of(at: u32) -> A { return A(dy[at]); }
