// epilogue_none.wgsl: what a kernel does to a value before it is stored, where nothing is fused.

fn begin_channels(c: u32) {}

fn epilogue(v: V, i: u32) -> V {
  return v;
}
