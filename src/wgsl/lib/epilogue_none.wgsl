// epilogue_none.wgsl: what a kernel does to a value before it is stored, where nothing is fused.

fn epilogue(v: V, i: u32) -> V {
  return v;
}
