// sum_squares.wgsl: the Euclidean distance as an inner sum: the root of added squares of differences.

fn term(a: vec4f, b: vec4f, sum: vec4f) -> vec4f {
  let difference = a - b;
  return fma(difference, difference, sum);
}

fn finish(sum: vec4f) -> vec4f {
  return sqrt(sum);
}
