// load_x.wgsl: how an element of x is read. Lowering may put what computes it in its place.
// needs: A, X from header

@group(0) @binding(1) var<storage, read> x: array<X>;

fn load(at: u32) -> A { return A(x[at]); }
