// result_vec4.wgsl: results in fours, where the number of columns divides by 4.

@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;

fn store(row: u32, column: u32, z: u32, value: vec4f) {
  let pixel = result_of(row);
  if (pixel < 0) { return; }
  let at = z * p.y_z + u32(pixel) * p.O + column;
  y[at / 4u] = vec4<T>(epilogue(value + bias4(z, column), at));
}

fn bias4(z: u32, column: u32) -> vec4f {
  let at = z * p.OG + column;
  return vec4f(bias(at), bias(at + 1u), bias(at + 2u), bias(at + 3u));
}
