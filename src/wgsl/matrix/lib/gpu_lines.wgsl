// gpu_lines.wgsl: the left operand of gpu_conv.wgsl and gpu_filter.wgsl, four lines of WIDTH elements (an X) at a time.
// needs: X from header; WIDTH from gemm_gpu.wgsl | gemm_matrix.wgsl

@group(0) @binding(1) var<storage, read> x: array<X>;

// Four lines as they lie in memory, and which of them are inside: the others count as zeros. Loads are unconditional, at
// clamped places, and nothing is computed of them before they are shared: compilers wait for a load at the end of its
// branch and at its first use, and the next tile has to arrive while this one is multiplied.
struct Lines { a: X, b: X, c: X, d: X, inside: vec4<bool> }

// Lines at these elements from `base` on; a negative one is outside.
fn lines_at(places: vec4i, base: u32) -> Lines {
  let at = (vec4u(max(places, vec4i())) + base) / WIDTH;
  return Lines(x[at.x], x[at.y], x[at.z], x[at.w], places >= vec4i());
}
