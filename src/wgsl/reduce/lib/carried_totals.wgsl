// carried_totals.wgsl: the result of the c chunks before chunk i of a row. With chunks of about the square root of a row,
// this loop is no longer than the one over the chunk's elements.
// needs: A from header; combine, nothing from combine.wgsl

@group(0) @binding(3) var<storage, read> totals: array<A>;

fn carried(i: u32, c: u32, inner: u32) -> A {
  var result = nothing();
  for (var k = c; k > 0u; k--) {
    result = combine(result, totals[i - k * inner]);
  }
  return result;
}
