// left.wgsl: loads an element of the left operand of an implicit GEMM: one channel of a source pixel.
// needs: T from header

@group(0) @binding(1) var<storage, read> x: array<T>;

// The element `offset` places after `at`, the first channel of the pixel; 0 where `at` is -1 (outside) or `counts` is false.
fn left(at: i32, offset: i32, counts: bool) -> f32 {
  return select(0.0, f32(x[max(at, 0) + offset]), (at >= 0) & counts);
}
