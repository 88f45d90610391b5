// gemm_subgroup4_flat.wgsl: implicit GEMM for software adapters whose subgroups have 4 lanes, and images of few
// channels. As gemm_subgroup4.wgsl, but the inner sum treats taps and channels as one dimension: lane l loads element k
// + l of the next 4, whichever tap they belong to, so that no lane is idle where 4 does not divide the channels.
// Weights of neighbouring elements must be w_i apart, also from one tap to the next.
// needs: begin_rows, source_of from conv_direct.wgsl;
//   block_of, matrix_of, p.IG, p.OG, p.blocks, p.x_z from conv_params.wgsl; left, tap_of from left_flat.wgsl;
//   add_four from quads.wgsl; store_rows from store_rows.wgsl; load_weight from weight_scalar.wgsl | weight_vec4.wgsl

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let row = block / p.blocks * 16u;
  let column = (block % p.blocks * 4u + lane) * 4u;
  let safe_column = min(column, p.OG - 1u) / 4u * 4u;
  let taps = begin_rows(row);
  let depth = taps.x * taps.y * p.IG;

  // Each lane finds the pixels of 4 rows for all lanes.
  let source0 = source_of(row + lane * 4u + 0u);
  let source1 = source_of(row + lane * 4u + 1u);
  let source2 = source_of(row + lane * 4u + 2u);
  let source3 = source_of(row + lane * 4u + 3u);
  let from0 = subgroupBroadcast(source0, 0u);
  let from1 = subgroupBroadcast(source1, 0u);
  let from2 = subgroupBroadcast(source2, 0u);
  let from3 = subgroupBroadcast(source3, 0u);
  let from4 = subgroupBroadcast(source0, 1u);
  let from5 = subgroupBroadcast(source1, 1u);
  let from6 = subgroupBroadcast(source2, 1u);
  let from7 = subgroupBroadcast(source3, 1u);
  let from8 = subgroupBroadcast(source0, 2u);
  let from9 = subgroupBroadcast(source1, 2u);
  let from10 = subgroupBroadcast(source2, 2u);
  let from11 = subgroupBroadcast(source3, 2u);
  let from12 = subgroupBroadcast(source0, 3u);
  let from13 = subgroupBroadcast(source1, 3u);
  let from14 = subgroupBroadcast(source2, 3u);
  let from15 = subgroupBroadcast(source3, 3u);
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
  for (var k = 0u; k < depth; k += 4u) {
    // Beyond the last element the left values are zeros, so that no branch is needed.
    let mine = select(0u, k + lane, k + lane < depth);
    let tap = mine / p.IG;
    let kh = tap / taps.y;
    let there = tap_of(kh, tap - kh * taps.y, i32(mine - tap * p.IG + z * p.x_z), k + lane < depth);
    let b0 = load_weight(0u, min(k + lane, depth - 1u), safe_column, z);
    let b1 = load_weight(0u, min(k + (lane ^ 1u), depth - 1u), safe_column, z);
    let b2 = load_weight(0u, min(k + (lane ^ 2u), depth - 1u), safe_column, z);
    let b3 = load_weight(0u, min(k + (lane ^ 3u), depth - 1u), safe_column, z);
    c0 = add_four(c0, left(from0, there), b0, b1, b2, b3);
    c1 = add_four(c1, left(from1, there), b0, b1, b2, b3);
    c2 = add_four(c2, left(from2, there), b0, b1, b2, b3);
    c3 = add_four(c3, left(from3, there), b0, b1, b2, b3);
    c4 = add_four(c4, left(from4, there), b0, b1, b2, b3);
    c5 = add_four(c5, left(from5, there), b0, b1, b2, b3);
    c6 = add_four(c6, left(from6, there), b0, b1, b2, b3);
    c7 = add_four(c7, left(from7, there), b0, b1, b2, b3);
    c8 = add_four(c8, left(from8, there), b0, b1, b2, b3);
    c9 = add_four(c9, left(from9, there), b0, b1, b2, b3);
    c10 = add_four(c10, left(from10, there), b0, b1, b2, b3);
    c11 = add_four(c11, left(from11, there), b0, b1, b2, b3);
    c12 = add_four(c12, left(from12, there), b0, b1, b2, b3);
    c13 = add_four(c13, left(from13, there), b0, b1, b2, b3);
    c14 = add_four(c14, left(from14, there), b0, b1, b2, b3);
    c15 = add_four(c15, left(from15, there), b0, b1, b2, b3);
  }
  store_rows(row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15));
}
