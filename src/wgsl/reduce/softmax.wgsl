// softmax.wgsl: y = exp(x - m) / sum exp(x - m) over a row, where m is its largest element; with LOG, the logarithm of
// that.
// One invocation owns one row, 1 or 4 elements at a time; nothing is shared. Reads x twice, writes y once: the first
// loop keeps the largest element so far together with the sum relative to it.
// needs: A, LOG, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   largest_across, total_across from across_1.wgsl | across_4.wgsl

struct Params {
  total: u32,   // rows
  width: u32,   // elements of X per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = invocation_index(gid, groups);
  if (row >= p.total) { return; }
  let begin = row * p.width;
  let end = begin + p.width;
  // Finite from the start: a masked element (-inf) then adds exp(-inf) = 0, not exp(-inf + inf).
  var largest = A(-3.4e38);
  var sums = A(0.0);
  for (var i = begin; i < end; i++) {
    let v = A(x[i]);
    let d = v - largest;
    // One exp per element: it scales either the new term or the old sum.
    let e = exp(-abs(d));
    sums = select(sums + e, sums * e + 1.0, d > A(0.0));
    largest = max(largest, v);
  }
  let m = largest_across(largest);
  let sum = total_across(sums * exp(largest - m));
  if (LOG) {
    let log_sum = log(sum);
    for (var i = begin; i < end; i++) { y[i] = X((A(x[i]) - m) - log_sum); }
  } else {
    let scale = 1.0 / sum;
    for (var i = begin; i < end; i++) { y[i] = X(exp(A(x[i]) - m) * scale); }
  }
}
