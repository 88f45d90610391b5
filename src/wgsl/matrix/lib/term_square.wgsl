// term_square.wgsl: squares of differences, added up as a matrix product adds products.

fn term(a: vec4f, b: vec4f, sum: vec4f) -> vec4f {
  let difference = a - b;
  return fma(difference, difference, sum);
}
