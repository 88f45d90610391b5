// softmax_backward.wgsl: dx = y * (dy - sum(dy * y)) over a row; with LOG, where y is a logarithm, dy - exp(y) *
// sum(dy).
// One invocation owns one row, or ACROSS of them share it, 1 or 4 elements at a time (X and V). Reads dy and y twice (with LOG y
// once) and writes dx once; a row is still in the cache when it is read again.
// needs: ACROSS, LANES, LOG, V, WORKGROUP, X from header; row_of, sums_of_row from row_alone.wgsl | row_shared.wgsl;
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
  let place = row_of(gid, groups);
  let row = place.x * p.width;
  let begin = row + place.y;
  let end = select(row, row + p.width, place.x < p.total);
  var sums = V(0.0);
  for (var i = begin; i < end; i += ACROSS) {
    if (LOG) { sums += V(dy[i]); } else { sums += V(dy[i]) * y[i]; }
  }
  let sum = sums_of_row(gid, vec2f(total_across(sums), 0.0)).x;
  for (var i = begin; i < end; i += ACROSS) {
    let g = V(dy[i]);
    var value = V(0.0);
    if (LOG) { value = g - exp(y[i]) * sum; } else { value = y[i] * (g - sum); }
    dx[i] = X(epilogue(value, i * LANES));
  }
}
