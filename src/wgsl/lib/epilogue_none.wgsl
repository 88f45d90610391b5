// epilogue_none.wgsl: the end of a kernel where nothing is fused: the value is stored as it is.
// needs: V from header

fn begin_channels(c: u32) {}

fn epilogue(v: V, i: u32) -> V {
  return v;
}
