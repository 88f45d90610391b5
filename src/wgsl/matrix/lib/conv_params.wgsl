// conv_params.wgsl: the parameters that all convolution and matrix kernels share, as an implicit GEMM. Rows are output
// pixels (n, oh, ow), columns are the output channels of a group, and the inner sum is over taps (kh, kw) and the input
// channels of the group. A matrix product is a 1x1 convolution of M pixels.

struct Params {
  M: u32,           // N * OH * OW
  H: u32, W: u32,   // the source's size
  OH: u32, OW: u32, // the result's size; that of one phase where there are phases (conv_phases.wgsl)
  C: u32,           // elements from one source pixel to the next
  IG: u32,          // source channels that one result channel sums over
  O: u32,           // elements from one result pixel to the next
  OG: u32,          // result channels per group
  KH: u32, KW: u32,
  SH: i32, SW: i32, // stride
  PH: i32, PW: i32, // padding; negative where a transposed convolution of stride 1 runs as a convolution
  DH: i32, DW: i32, // source pixels from one tap to the next: the dilation, negative where transposed
  w_tap: u32, w_i: u32, w_c: u32, // weight strides: tap, source channel, result channel
  x_z: u32, w_z: u32, y_z: u32,   // from one group, or batch entry, to the next
  blocks: u32,      // blocks of columns
  splits: u32,      // parts of the inner sum (filter gradients)
  split: u32,       // elements of the inner sum per part
  tap_h: u32, tap_w: u32, // from one tap to the next, along the height and the width
  RH: u32, RW: u32, // the whole result's size
  UH: i32, UW: i32, // pixels of the result from one of a phase to the next
  phase_rows: u32,  // rows per phase, including those that fill its last block
  depth: u32,       // groups or batch entries where there are more than z can hold, else 0
}
@group(0) @binding(0) var<uniform> p: Params;

// Blocks go along x and y and matrices along z; more than 65,535 matrices (all small) go along y and z.
fn matrix_of(group: vec3u, groups: vec3u) -> u32 {
  return select(group.z, group.z * groups.y + group.y, p.depth > 0u);
}

// Beyond the last matrix the result is a block beyond the last row, where nothing is stored.
fn block_of(group: vec3u, groups: vec3u) -> u32 {
  let beyond = p.blocks * max(p.M, p.phase_rows * u32(p.UH * p.UW));
  let deep = select(group.x, beyond, matrix_of(group, groups) >= p.depth);
  return select(group.y * groups.x + group.x, deep, p.depth > 0u);
}

fn tap_number(taps: vec3u, kh: u32, kw: u32) -> u32 {
  return taps.z + kh * p.tap_h + kw * p.tap_w;
}
