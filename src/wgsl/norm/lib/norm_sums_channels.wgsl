// norm_sums_channels.wgsl: the two gradient sums where each channel of the only row is a group: those of bias and weight.
// needs: A from header

@group(0) @binding(6) var<storage, read> dbias: array<A>;
@group(0) @binding(7) var<storage, read> dweight: array<A>;

fn sum_of(row: u32, c: u32) -> A { return dbias[c]; }
fn sum_xhat_of(row: u32, c: u32) -> A { return dweight[c]; }
