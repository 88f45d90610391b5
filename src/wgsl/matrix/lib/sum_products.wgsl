// sum_products.wgsl: the inner sum of a matrix product.

fn term(a: vec4f, b: vec4f, sum: vec4f) -> vec4f {
  return fma(a, b, sum);
}

fn finish(sum: vec4f) -> vec4f {
  return sum;
}
