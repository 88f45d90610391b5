// weight_turned.wgsl: loads weights in lines of WIDTH (an X), where neighbouring inner elements are neighbours in memory and
// WIDTH divides their number: gradients of convolutions read their weights so. Lines are columns; nothing is stored of those
// that do not exist, so that they may hold anything.
// needs: X from header; Lines from gpu_lines.wgsl; p.OG, p.w_c, p.w_tap, p.w_z from conv_params.wgsl;
//   WIDTH from gemm_gpu.wgsl

@group(0) @binding(2) var<storage, read> weight: array<X>;

const RIGHT_BY_COLUMN = true;

fn load_weights(tap: u32, i: u32, column: u32, z: u32, on: bool) -> Lines {
  let columns = vec4(column, column + 1u, column + 2u, column + 3u);
  let at = (min(columns, vec4u(p.OG - 1u)) * p.w_c + (z * p.w_z + tap * p.w_tap + i)) / WIDTH;
  return Lines(weight[at.x], weight[at.y], weight[at.z], weight[at.w], vec4<bool>(on));
}
