// gemm_subgroup4.wgsl: implicit GEMM for software adapters whose subgroups have 4 lanes.
// A workgroup is one subgroup and owns 16 rows by 16 columns, an invocation 4 of the columns. Lane l loads source
// channel i + l of every row; quad swaps bring each lane the other three, and it loads the weights in the order in
// which they arrive. No shared memory: on a CPU a load costs more than a multiply-add, and a barrier more than both. A
// swap is one shuffle where a broadcast takes many instructions (SwiftShader: 4.5 against 3.0 GFLOP/s). Reads each
// source element once per 16 columns, and each weight once per 16 rows.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; begin_rows, source_of from conv_direct.wgsl |
//   conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; block_of, matrix_of, tap_number, p.IG, p.OG, p.blocks, p.x_z from
//   conv_params.wgsl; left from left.wgsl; add_four from quads.wgsl; store_rows from store_rows.wgsl; load_weight from
//   weight_scalar.wgsl | weight_vec4.wgsl

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
  let channels = i32(z * p.x_z);
  let taps = begin_rows(row);

  // Each lane finds the pixels of 4 rows for all lanes.
  let own = row + lane * 4u;
  let source0 = source_of(own);
  let source1 = source_of(own + 1u);
  let source2 = source_of(own + 2u);
  let source3 = source_of(own + 3u);
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
  for (var kh = 0u; kh < taps.x; kh++) {
    for (var kw = 0u; kw < taps.y; kw++) {
      let tap = tap_number(taps, kh, kw);
      let at0 = source_offset(source0, kh, kw);
      let at1 = source_offset(source1, kh, kw);
      let at2 = source_offset(source2, kh, kw);
      let at3 = source_offset(source3, kh, kw);
      let at_row0 = subgroupBroadcast(at0, 0u);
      let at_row1 = subgroupBroadcast(at1, 0u);
      let at_row2 = subgroupBroadcast(at2, 0u);
      let at_row3 = subgroupBroadcast(at3, 0u);
      let at_row4 = subgroupBroadcast(at0, 1u);
      let at_row5 = subgroupBroadcast(at1, 1u);
      let at_row6 = subgroupBroadcast(at2, 1u);
      let at_row7 = subgroupBroadcast(at3, 1u);
      let at_row8 = subgroupBroadcast(at0, 2u);
      let at_row9 = subgroupBroadcast(at1, 2u);
      let at_row10 = subgroupBroadcast(at2, 2u);
      let at_row11 = subgroupBroadcast(at3, 2u);
      let at_row12 = subgroupBroadcast(at0, 3u);
      let at_row13 = subgroupBroadcast(at1, 3u);
      let at_row14 = subgroupBroadcast(at2, 3u);
      let at_row15 = subgroupBroadcast(at3, 3u);
      for (var i = 0u; i < p.IG; i += 4u) {
        // Beyond the last channel the left values are zeros, so that no branch is needed.
        let mine = i + lane;
        let inside = mine < p.IG;
        let offset = channels + i32(min(mine, p.IG - 1u));
        let b0 = load_weight(tap, min(i + lane, p.IG - 1u), safe_column, z);
        let b1 = load_weight(tap, min(i + (lane ^ 1u), p.IG - 1u), safe_column, z);
        let b2 = load_weight(tap, min(i + (lane ^ 2u), p.IG - 1u), safe_column, z);
        let b3 = load_weight(tap, min(i + (lane ^ 3u), p.IG - 1u), safe_column, z);
        c0 = add_four(c0, left(at_row0, offset, inside), b0, b1, b2, b3);
        c1 = add_four(c1, left(at_row1, offset, inside), b0, b1, b2, b3);
        c2 = add_four(c2, left(at_row2, offset, inside), b0, b1, b2, b3);
        c3 = add_four(c3, left(at_row3, offset, inside), b0, b1, b2, b3);
        c4 = add_four(c4, left(at_row4, offset, inside), b0, b1, b2, b3);
        c5 = add_four(c5, left(at_row5, offset, inside), b0, b1, b2, b3);
        c6 = add_four(c6, left(at_row6, offset, inside), b0, b1, b2, b3);
        c7 = add_four(c7, left(at_row7, offset, inside), b0, b1, b2, b3);
        c8 = add_four(c8, left(at_row8, offset, inside), b0, b1, b2, b3);
        c9 = add_four(c9, left(at_row9, offset, inside), b0, b1, b2, b3);
        c10 = add_four(c10, left(at_row10, offset, inside), b0, b1, b2, b3);
        c11 = add_four(c11, left(at_row11, offset, inside), b0, b1, b2, b3);
        c12 = add_four(c12, left(at_row12, offset, inside), b0, b1, b2, b3);
        c13 = add_four(c13, left(at_row13, offset, inside), b0, b1, b2, b3);
        c14 = add_four(c14, left(at_row14, offset, inside), b0, b1, b2, b3);
        c15 = add_four(c15, left(at_row15, offset, inside), b0, b1, b2, b3);
      }
    }
  }
  store_rows(row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15));
}
