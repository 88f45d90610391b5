// quads.wgsl: terms of the values that the lanes of a quad hold, exchanged by swaps.
// needs: term from sum_absolutes.wgsl | sum_products.wgsl | sum_squares.wgsl

// c + the terms of a and b0, and of the neighbour's a and b1.
fn add_two(c: vec4f, a: f32, b0: vec4f, b1: vec4f) -> vec4f {
  return term(vec4f(quadSwapX(a)), b1, term(vec4f(a), b0, c));
}

// The same over four lanes: this one, and those whose numbers differ in bit 0, in bit 1 and in both.
fn add_four(c: vec4f, a: f32, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f) -> vec4f {
  return term(vec4f(quadSwapDiagonal(a)), b3, term(vec4f(quadSwapY(a)), b2, add_two(c, a, b0, b1)));
}
