// block_4.wgsl: an invocation that owns four vec4 of dst, `gap` apart, and reads four of src at a time, so
// that what it works out for a cell serves sixteen channels. Neighbours still read neighbours.

alias Block = mat4x4f;
const BLOCK = 4u;

fn load(at: u32, gap: u32) -> Block {
  return Block(V(src[at]), V(src[at + gap]), V(src[at + 2u * gap]), V(src[at + 3u * gap]));
}

fn store(at: u32, gap: u32, v: Block) {
  for (var k = 0u; k < 4u; k++) {
    let i = at + k * gap;
    dst[i] = U(epilogue(v[k], i * LANES));
  }
}
