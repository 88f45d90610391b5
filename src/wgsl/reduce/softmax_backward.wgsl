// softmax_backward.wgsl: dx = y * (dy - sum(dy * y)) over a row; with LOG, where y is a logarithm, dy - exp(y) *
// sum(dy).
// One invocation owns one row, 1 or 4 elements at a time (X and V); nothing is shared. Reads dy and y twice (with LOG y
// once) and writes dx once; a row is still in the cache when it is read again.
// needs: LANES, LOG, V, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   total_across from across_1.wgsl | across_4.wgsl; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,   // rows
  width: u32,   // elements of X per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> y: array<V>;
@group(0) @binding(3) var<storage, read_write> dx: array<X>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = invocation_index(gid, groups);
  if (row >= p.total) { return; }
  let begin = row * p.width;
  let end = begin + p.width;
  var sums = V(0.0);
  for (var i = begin; i < end; i++) {
    if (LOG) { sums += V(dy[i]); } else { sums += V(dy[i]) * y[i]; }
  }
  let sum = total_across(sums);
  for (var i = begin; i < end; i++) {
    let g = V(dy[i]);
    var value = V(0.0);
    if (LOG) { value = g - exp(y[i]) * sum; } else { value = y[i] * (g - sum); }
    dx[i] = X(epilogue(value, i * LANES));
  }
}
