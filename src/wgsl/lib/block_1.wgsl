// block_1.wgsl: loads and stores of an invocation that owns one U of dst, and reads one T of src at a time.
// needs: LANES, U, V from header; dst, src from resample.wgsl | roi_align.wgsl | roi_align_backward.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

alias Block = V;
const BLOCK = 1u;

fn load(at: u32, gap: u32) -> Block {
  return V(src[at]);
}

fn store(at: u32, gap: u32, v: Block) {
  dst[at] = U(epilogue(v, at * LANES));
}
