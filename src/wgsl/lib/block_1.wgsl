// block_1.wgsl: an invocation that owns one U of dst, and reads one T of src at a time.

alias Block = V;
const BLOCK = 1u;

fn load(at: u32, gap: u32) -> Block {
  return V(src[at]);
}

fn store(at: u32, gap: u32, v: Block) {
  dst[at] = U(epilogue(v, at * LANES));
}
