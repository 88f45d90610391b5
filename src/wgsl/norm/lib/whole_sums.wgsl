// whole_sums.wgsl: sums over the ACROSS invocations that own a group. All invocations of a workgroup must call this.
// needs: ACROSS, S from header

var<workgroup> group_sums: array<S, ACROSS>;

fn sum_of_group(v: S, own: u32) -> S {
  group_sums[own] = v;
  for (var left = ACROSS; left > 1u;) {
    let half = (left + 1u) / 2u;
    workgroupBarrier();
    if (own < left - half) { group_sums[own] += group_sums[own + half]; }
    left = half;
  }
  workgroupBarrier();
  let sum = group_sums[0];
  workgroupBarrier();
  return sum;
}
