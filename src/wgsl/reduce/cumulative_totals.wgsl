// cumulative_totals.wgsl: the sum (with PRODUCT, the product) of each chunk of each row, for cumulative.wgsl.
// One invocation owns one chunk; nothing is shared. Reads x once, writes one value per chunk.
// needs: A, REVERSE, T, WORKGROUP from header; invocation_index from grid.wgsl; combine, nothing from combine.wgsl

struct Params {
  total: u32,   // chunks of all rows
  n: u32,       // elements per row
  inner: u32,   // distance between the elements of a row: the number of interleaved rows
  chunks: u32,  // chunks per row
  chunk: u32,   // elements per chunk
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> totals: array<A>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = (i / p.inner) % p.chunks;
  let first = (i / p.inner / p.chunks) * p.n * p.inner + i % p.inner;
  let end = min((c + 1u) * p.chunk, p.n);
  var result = nothing();
  for (var k = c * p.chunk; k < end; k++) {
    let at = first + select(k, p.n - 1u - k, REVERSE) * p.inner;
    result = combine(result, A(x[at]));
  }
  totals[i] = result;
}
