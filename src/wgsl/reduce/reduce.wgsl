// reduce.wgsl: y[o, chunk, i] = the sum (with MAX, the maximum; with PRODUCT, the product) of x[o, j, i] over the chunk's
// elements j.
// One invocation owns 1 or 4 values of one chunk of one output; nothing is shared. Neighbouring chunks are interleaved, so that
// neighbours read neighbouring elements whichever dimension is reduced. Reads x once and writes one value per chunk;
// another dispatch of the same shader combines the chunks in order.
// needs: A, B, MAX, OUTER_DIMS, PRODUCT, REDUCED_DIMS, TOGETHER, U, WORKGROUP, Y from header; invocation_index from grid.wgsl;
//   load from load_x.wgsl | loadChain.ts

struct Params {
  total: u32,      // invocations: outputs * chunks / width
  inner: u32,      // the innermost kept dimension, in elements of X
  chunks: u32,
  length: u32,     // elements to reduce per output, over all chunks
  neighbours: u32, // chunks whose elements are interleaved; a divisor of chunks
  each: u32,       // elements of a chunk
  outer1: u32,     // sizes of the outer kept dimensions except the first
  outer2: u32,
  outer_stride0: u32,
  outer_stride1: u32,
  outer_stride2: u32,
  reduced1: u32,   // sizes of the reduced dimensions except the first
  reduced2: u32,
  reduced_stride0: u32,
  reduced_stride1: u32,
  reduced_stride2: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;

fn outer_offset(outer: u32) -> u32 {
  if (OUTER_DIMS == 1u) { return outer * p.outer_stride0; }
  let c2 = outer % p.outer2;
  let rest = outer / p.outer2;
  if (OUTER_DIMS == 2u) { return rest * p.outer_stride0 + c2 * p.outer_stride2; }
  return (rest / p.outer1) * p.outer_stride0 + (rest % p.outer1) * p.outer_stride1 + c2 * p.outer_stride2;
}

fn reduced_offset(j: u32) -> u32 {
  if (REDUCED_DIMS == 1u) { return j * p.reduced_stride0; }
  let c2 = j % p.reduced2;
  let rest = j / p.reduced2;
  if (REDUCED_DIMS == 2u) { return rest * p.reduced_stride0 + c2 * p.reduced_stride2; }
  return (rest / p.reduced1) * p.reduced_stride0 + (rest % p.reduced1) * p.reduced_stride1
    + c2 * p.reduced_stride2;
}

// A test of the bits, since compilers may assume that no NaN occurs.
fn is_nan(v: A) -> B {
  return (bitcast<U>(v) & U(0x7fffffffu)) > U(0x7f800000u);
}

fn combine(a: A, b: A) -> A {
  if (MAX) { return select(a, b, (is_nan(b) | (b > a)) & !is_nan(a)); }
  if (PRODUCT) { return a * b; }
  return a + b;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let rest = i / p.inner;
  let base = outer_offset(rest / p.chunks) + i % p.inner;
  let chunk = rest % p.chunks;
  // With TOGETHER all chunks of an output are neighbours: GPUs are spared the divisions.
  let step = select(p.neighbours, p.chunks, TOGETHER);
  let begin = select(chunk / p.neighbours * p.neighbours * p.each, 0u, TOGETHER);
  let end = select(min(begin + p.neighbours * p.each, p.length), p.length, TOGETHER);
  var j = select(begin + chunk % p.neighbours, chunk, TOGETHER);
  var result = A();
  if (PRODUCT) { result = A(1); }
  if (MAX) {
    // A chunk without elements takes one of another.
    result = load(base + reduced_offset(select(min(j, p.length - 1u), j, TOGETHER)));
    j += step;
  }
  for (; j < end; j += step) {
    result = combine(result, load(base + reduced_offset(j)));
  }
  y[i] = Y(result);
}
