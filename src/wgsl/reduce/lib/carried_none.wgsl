// carried_none.wgsl: the result of the chunks before the only chunk of a row: that of no element.
// needs: A from header; nothing from combine.wgsl

fn carried(i: u32, c: u32, inner: u32) -> A {
  return nothing();
}
