// whole_channel_sums.wgsl: the sum over the invocations that own the same channels of a group: every depth-th of the
// ACROSS that own it. It is there for the first of them. All invocations of a workgroup must call this.
// needs: A, ACROSS from header

var<workgroup> channel_sums: array<A, ACROSS>;

fn sum_of_channel(v: A, own: u32, depth: u32) -> A {
  channel_sums[own] = v;
  for (var left = ACROSS / depth; left > 1u;) {
    let half = (left + 1u) / 2u;
    workgroupBarrier();
    if (own < (left - half) * depth) { channel_sums[own] += channel_sums[own + half * depth]; }
    left = half;
  }
  let sum = channel_sums[own];
  workgroupBarrier();
  return sum;
}
