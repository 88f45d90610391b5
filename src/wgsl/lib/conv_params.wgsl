// conv_params.wgsl: the problem that all convolution and matrix kernels share, as an implicit GEMM.
// Rows are output pixels (n, oh, ow), columns are output channels of a group, the inner sum runs over
// taps (kh, kw) and the input channels of the group. A matrix product is a 1x1 convolution of M pixels.

struct Params {
  M: u32,           // N * OH * OW
  H: u32, W: u32,   // the source's size
  OH: u32, OW: u32, // the result's size
  C: u32,           // elements from one source pixel to the next
  IG: u32,          // source channels that one result channel sums over
  O: u32,           // elements from one result pixel to the next
  OG: u32,          // result channels of a group
  KH: u32, KW: u32,
  SH: i32, SW: i32, // stride
  PH: i32, PW: i32, // padding; negative, as the dilation, where a transposed convolution of stride 1 runs as one
  DH: i32, DW: i32, // dilation
  w_tap: u32, w_i: u32, w_c: u32, // weight strides: tap, source channel, result channel
  x_z: u32, w_z: u32, y_z: u32,   // from one group, or batch entry, to the next
  blocks: u32,      // blocks of columns
  splits: u32,      // parts of the inner sum (filter gradients)
  split: u32,       // its elements a part
  depth: u32,       // groups or batch entries where they are more than z can hold, else 0
}
@group(0) @binding(0) var<uniform> p: Params;

// Blocks go along x and y and matrices along z; more than 65,535 matrices (all small) go along y and z.
fn matrix_of(group: vec3u, groups: vec3u) -> u32 {
  return select(group.z, group.z * groups.y + group.y, p.depth > 0u);
}

// Beyond the last matrix a block beyond the last row, where nothing is stored.
fn block_of(group: vec3u, groups: vec3u) -> u32 {
  let deep = select(group.x, p.blocks * p.M, matrix_of(group, groups) >= p.depth);
  return select(group.y * groups.x + group.x, deep, p.depth > 0u);
}
