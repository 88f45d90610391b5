// quads.wgsl: multiply-adds of the values that the lanes of a quad hold, exchanged by swaps.

// c + a * b0 + (the neighbour's a) * b1.
fn add_two(c: vec4f, a: f32, b0: vec4f, b1: vec4f) -> vec4f {
  return fma(vec4f(quadSwapX(a)), b1, fma(vec4f(a), b0, c));
}

// The same over four lanes: this one, and those whose numbers differ in bit 0, in bit 1 and in both.
fn add_four(c: vec4f, a: f32, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f) -> vec4f {
  return fma(vec4f(quadSwapDiagonal(a)), b3, fma(vec4f(quadSwapY(a)), b2, add_two(c, a, b0, b1)));
}
