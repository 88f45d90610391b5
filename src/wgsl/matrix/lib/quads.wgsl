// quads.wgsl: multiply-adds of the values that the lanes of a quad hold, exchanged by swaps.

// c + a * b0, then the same with the neighbour's value and b1.
fn add_two(c: vec4f, a: f32, b0: vec4f, b1: vec4f) -> vec4f {
  return fma(vec4f(quadSwapX(a)), b1, fma(vec4f(a), b0, c));
}

// With the values of all four lanes: its own, and those of the lanes whose numbers differ in bit 0, bit 1 and both.
fn add_four(c: vec4f, a: f32, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f) -> vec4f {
  return fma(vec4f(quadSwapDiagonal(a)), b3, fma(vec4f(quadSwapY(a)), b2, add_two(c, a, b0, b1)));
}
