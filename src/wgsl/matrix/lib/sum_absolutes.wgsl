// sum_absolutes.wgsl: the Manhattan distance as an inner sum: added absolute differences.

fn term(a: vec4f, b: vec4f, sum: vec4f) -> vec4f {
  return sum + abs(a - b);
}

fn finish(sum: vec4f) -> vec4f {
  return sum;
}
