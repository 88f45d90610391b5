// carried_none.wgsl: what comes before the only chunk of a row: nothing.

fn carried(i: u32, c: u32, inner: u32) -> A {
  return nothing();
}
