// weight_lines.wgsl: loads weights in lines of WIDTH (an X), where neighbouring columns are neighbours in memory and WIDTH
// divides their number. Lines are inner elements; nothing is stored of columns that do not exist, so that they may hold
// anything.
// needs: X from header; Lines from gpu_lines.wgsl; p.OG, p.w_i, p.w_tap, p.w_z from conv_params.wgsl;
//   WIDTH from gemm_gpu.wgsl | gemm_matrix.wgsl

@group(0) @binding(2) var<storage, read> weight: array<X>;

const RIGHT_BY_COLUMN = false;

fn load_weights(tap: u32, i: u32, column: u32, z: u32, on: bool) -> Lines {
  let at = z * p.w_z + tap * p.w_tap + i * p.w_i + select(0u, column, column < p.OG);
  return Lines(
    weight[at / WIDTH],
    weight[(at + p.w_i) / WIDTH],
    weight[(at + 2u * p.w_i) / WIDTH],
    weight[(at + 3u * p.w_i) / WIDTH],
    vec4<bool>(on),
  );
}
