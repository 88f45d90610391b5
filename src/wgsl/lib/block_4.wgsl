// block_4.wgsl: loads and stores of an invocation that owns four vec4 of dst, `gap` apart, and reads four of src at a
// time, so that what it computes for a cell serves sixteen channels. Neighbours still read neighbouring elements.
// needs: LANES, U, V from header; dst, src from resample.wgsl | roi_align.wgsl | roi_align_backward.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

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
