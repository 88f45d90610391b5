// term_absolute.wgsl: absolute differences, added up as a matrix product adds products.

fn term(a: vec4f, b: vec4f, sum: vec4f) -> vec4f {
  return sum + abs(a - b);
}
