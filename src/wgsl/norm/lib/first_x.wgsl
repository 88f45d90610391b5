// first_x.wgsl: how x is read the first time. Lowering may put the sum of a product's parts in its place.
// needs: A from header; x from norm_block_moments.wgsl | norm_whole.wgsl

fn first_of(at: u32) -> A { return A(x[at]); }
