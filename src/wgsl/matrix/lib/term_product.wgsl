// term_product.wgsl: what the inner sum of a matrix product adds up.

fn term(a: vec4f, b: vec4f, sum: vec4f) -> vec4f {
  return fma(a, b, sum);
}
