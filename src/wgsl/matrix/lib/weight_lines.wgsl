// weight_lines.wgsl: loads weights in lines of WIDTH (an X), where neighbouring columns are neighbours in memory and WIDTH
// divides their number.
// needs: X from header; p.w_i, p.w_tap, p.w_z from conv_params.wgsl; WIDTH from gemm_gpu.wgsl | gemm_matrix.wgsl

@group(0) @binding(2) var<storage, read> weight: array<X>;

fn load_weight(tap: u32, i: u32, column: u32, z: u32) -> X {
  return weight[(z * p.w_z + tap * p.w_tap + i * p.w_i + column) / WIDTH];
}
