// gemm_subgroup8_flat.wgsl: implicit GEMM for software adapters whose subgroups have 8 lanes, and images of few
// channels. As gemm_subgroup8.wgsl, but the inner sum treats taps and channels as one dimension: lane l loads element k
// + l of the next 8, whichever tap they belong to. With 3 channels these are 8 products instead of 3. Weights of
// neighbouring elements must be w_i apart, also from one tap to the next.
// needs: begin_rows, source_of from conv_direct.wgsl;
//   block_of, matrix_of, p.IG, p.OG, p.blocks, p.x_z from conv_params.wgsl; left, tap_of from left_flat.wgsl;
//   store_rows from store_rows.wgsl; load_weight from weight_scalar.wgsl | weight_vec4.wgsl

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let row = block / p.blocks * 16u;
  let column = (block % p.blocks * 8u + lane) * 4u;
  let safe_column = min(column, p.OG - 1u) / 4u * 4u;
  let taps = begin_rows(row);
  let depth = taps.x * taps.y * p.IG;

  // Each lane finds the pixels of 2 rows for all lanes.
  let source0 = source_of(row + lane * 2u + 0u);
  let source1 = source_of(row + lane * 2u + 1u);
  let from0 = subgroupBroadcast(source0, 0u);
  let from1 = subgroupBroadcast(source1, 0u);
  let from2 = subgroupBroadcast(source0, 1u);
  let from3 = subgroupBroadcast(source1, 1u);
  let from4 = subgroupBroadcast(source0, 2u);
  let from5 = subgroupBroadcast(source1, 2u);
  let from6 = subgroupBroadcast(source0, 3u);
  let from7 = subgroupBroadcast(source1, 3u);
  let from8 = subgroupBroadcast(source0, 4u);
  let from9 = subgroupBroadcast(source1, 4u);
  let from10 = subgroupBroadcast(source0, 5u);
  let from11 = subgroupBroadcast(source1, 5u);
  let from12 = subgroupBroadcast(source0, 6u);
  let from13 = subgroupBroadcast(source1, 6u);
  let from14 = subgroupBroadcast(source0, 7u);
  let from15 = subgroupBroadcast(source1, 7u);
  var c0 = vec4f();
  var c1 = vec4f();
  var c2 = vec4f();
  var c3 = vec4f();
  var c4 = vec4f();
  var c5 = vec4f();
  var c6 = vec4f();
  var c7 = vec4f();
  var c8 = vec4f();
  var c9 = vec4f();
  var c10 = vec4f();
  var c11 = vec4f();
  var c12 = vec4f();
  var c13 = vec4f();
  var c14 = vec4f();
  var c15 = vec4f();
  for (var k = 0u; k < depth; k += 8u) {
    // Beyond the last element the left values are zeros, so that no branch is needed.
    let mine = select(0u, k + lane, k + lane < depth);
    let tap = mine / p.IG;
    let kh = tap / taps.y;
    let there = tap_of(kh, tap - kh * taps.y, i32(mine - tap * p.IG + z * p.x_z), k + lane < depth);
    let a0 = left(from0, there);
    let a1 = left(from1, there);
    let a2 = left(from2, there);
    let a3 = left(from3, there);
    let a4 = left(from4, there);
    let a5 = left(from5, there);
    let a6 = left(from6, there);
    let a7 = left(from7, there);
    let a8 = left(from8, there);
    let a9 = left(from9, there);
    let a10 = left(from10, there);
    let a11 = left(from11, there);
    let a12 = left(from12, there);
    let a13 = left(from13, there);
    let a14 = left(from14, there);
    let a15 = left(from15, there);
    for (var l = 0u; l < min(8u, depth - k); l++) {
      let b = load_weight(0u, k + l, safe_column, z);
      c0 = fma(vec4f(subgroupShuffle(a0, l)), b, c0);
      c1 = fma(vec4f(subgroupShuffle(a1, l)), b, c1);
      c2 = fma(vec4f(subgroupShuffle(a2, l)), b, c2);
      c3 = fma(vec4f(subgroupShuffle(a3, l)), b, c3);
      c4 = fma(vec4f(subgroupShuffle(a4, l)), b, c4);
      c5 = fma(vec4f(subgroupShuffle(a5, l)), b, c5);
      c6 = fma(vec4f(subgroupShuffle(a6, l)), b, c6);
      c7 = fma(vec4f(subgroupShuffle(a7, l)), b, c7);
      c8 = fma(vec4f(subgroupShuffle(a8, l)), b, c8);
      c9 = fma(vec4f(subgroupShuffle(a9, l)), b, c9);
      c10 = fma(vec4f(subgroupShuffle(a10, l)), b, c10);
      c11 = fma(vec4f(subgroupShuffle(a11, l)), b, c11);
      c12 = fma(vec4f(subgroupShuffle(a12, l)), b, c12);
      c13 = fma(vec4f(subgroupShuffle(a13, l)), b, c13);
      c14 = fma(vec4f(subgroupShuffle(a14, l)), b, c14);
      c15 = fma(vec4f(subgroupShuffle(a15, l)), b, c15);
    }
  }
  store_rows(row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15));
}
