// softmax.wgsl: y = exp(x - m) / sum exp(x - m) over a row, where m is its largest element; with LOG, the logarithm of
// that.
// One invocation owns one row, or ACROSS of them share it, 1 or 4 elements at a time. Reads x twice, writes y once: the first
// loop keeps the largest element so far together with the sum relative to it.
// needs: A, ACROSS, LOG, WORKGROUP, X from header; largest_across, total_across from across_1.wgsl | across_4.wgsl;
//   exps_of_row, row_of from row_alone.wgsl | row_shared.wgsl

struct Params {
  total: u32,   // rows
  width: u32,   // elements of X per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let place = row_of(gid, groups);
  let row = place.x * p.width;
  let begin = row + place.y;
  let end = select(row, row + p.width, place.x < p.total);
  // Finite from the start: a masked element (-inf) then adds exp(-inf) = 0, not exp(-inf + inf).
  var largest = A(-3.4e38);
  var sums = A(0.0);
  for (var i = begin; i < end; i += ACROSS) {
    let v = A(x[i]);
    let d = v - largest;
    // One exp per element: it scales either the new term or the old sum.
    let e = exp(-abs(d));
    sums = select(sums + e, sums * e + 1.0, d > A(0.0));
    largest = max(largest, v);
  }
  let own = largest_across(largest);
  let all = exps_of_row(gid, vec2f(own, total_across(sums * exp(largest - own))));
  let m = all.x;
  let sum = all.y;
  if (LOG) {
    let log_sum = log(sum);
    for (var i = begin; i < end; i += ACROSS) { y[i] = X((A(x[i]) - m) - log_sum); }
  } else {
    let scale = 1.0 / sum;
    for (var i = begin; i < end; i += ACROSS) { y[i] = X(exp(A(x[i]) - m) * scale); }
  }
}
