// gemm_vec4.wgsl: weights and results in fours, where neighbouring columns are neighbours in memory and their
// number divides by 4.

@group(0) @binding(2) var<storage, read> weight: array<vec4<T>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;

fn load_weight(tap: u32, i: u32, column: u32, z: u32) -> vec4f {
  return vec4f(weight[(z * p.w_z + tap * p.w_tap + i * p.w_i + column) / 4u]);
}

fn store(row: u32, column: u32, z: u32, value: vec4f) {
  let at = z * p.y_z + row * p.O + column;
  y[at / 4u] = vec4<T>(epilogue(value + bias4(z, column), at));
}

fn bias4(z: u32, column: u32) -> vec4f {
  let at = z * p.OG + column;
  return vec4f(bias(at), bias(at + 1u), bias(at + 2u), bias(at + 3u));
}
