// gemm_subgroup8.wgsl: implicit GEMM for software adapters whose subgroups have 8 lanes.
// A workgroup is one subgroup and owns ROWS (1, 4, 9 or 12) by 32 columns, an invocation 4 of the columns. Lane l loads source
// channel i + l of every row, and the others get it by shuffles in a loop (measured fastest here, see CONTRIBUTING.md).
// No shared memory: on a CPU a load costs more than a multiply-add, and a barrier more than both. Reads each source
// element once per 32 columns, and each weight once per ROWS rows.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; ROWS from header; begin_rows, source_of from
//   conv_direct.wgsl | conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; block_of, matrix_of, tap_number, p.IG, p.OG,
//   p.blocks, p.x_z from conv_params.wgsl; left from left.wgsl; store_rows from store_rows.wgsl; load_weight from
//   weight_blocks.wgsl | weight_scalar.wgsl | weight_vec4.wgsl; term from sum_absolutes.wgsl | sum_products.wgsl |
//   sum_squares.wgsl

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let row = block / p.blocks * ROWS;
  let column = (block % p.blocks * 8u + lane) * 4u;
  let safe_column = min(column, p.OG - 1u) / 4u * 4u;
  let channels = i32(z * p.x_z);
  let taps = begin_rows(row);

  // Each lane finds the pixels of 2 rows for all lanes.
  let own = row + lane * 2u;
  let source0 = source_of(own);
  let source1 = source_of(own + 1u);
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
  for (var kh = 0u; kh < taps.x; kh++) {
    for (var kw = 0u; kw < taps.y; kw++) {
      let tap = tap_number(taps, kh, kw);
      let at0 = source_offset(source0, kh, kw);
      let at1 = source_offset(source1, kh, kw);
      let at_row0 = subgroupBroadcast(at0, 0u);
      let at_row1 = subgroupBroadcast(at1, 0u);
      let at_row2 = subgroupBroadcast(at0, 1u);
      let at_row3 = subgroupBroadcast(at1, 1u);
      let at_row4 = subgroupBroadcast(at0, 2u);
      let at_row5 = subgroupBroadcast(at1, 2u);
      let at_row6 = subgroupBroadcast(at0, 3u);
      let at_row7 = subgroupBroadcast(at1, 3u);
      let at_row8 = subgroupBroadcast(at0, 4u);
      let at_row9 = subgroupBroadcast(at1, 4u);
      let at_row10 = subgroupBroadcast(at0, 5u);
      let at_row11 = subgroupBroadcast(at1, 5u);
      for (var i = 0u; i < p.IG; i += 8u) {
        // Beyond the last channel the left values are zeros, so that no branch is needed.
        let mine = i + lane;
        let inside = mine < p.IG;
        let offset = channels + i32(min(mine, p.IG - 1u));
        let a0 = left(at_row0, offset, inside);
        let a1 = left(at_row1, offset, inside);
        let a2 = left(at_row2, offset, inside);
        let a3 = left(at_row3, offset, inside);
        let a4 = left(at_row4, offset, inside);
        let a5 = left(at_row5, offset, inside);
        let a6 = left(at_row6, offset, inside);
        let a7 = left(at_row7, offset, inside);
        let a8 = left(at_row8, offset, inside);
        let a9 = left(at_row9, offset, inside);
        let a10 = left(at_row10, offset, inside);
        let a11 = left(at_row11, offset, inside);
        for (var l = 0u; l < min(8u, p.IG - i); l++) {
          let b = load_weight(tap, i + l, safe_column, z);
          c0 = term(vec4f(subgroupShuffle(a0, l)), b, c0);
          if (ROWS > 1u) {
            c1 = term(vec4f(subgroupShuffle(a1, l)), b, c1);
            c2 = term(vec4f(subgroupShuffle(a2, l)), b, c2);
            c3 = term(vec4f(subgroupShuffle(a3, l)), b, c3);
          }
          if (ROWS > 4u) {
            c4 = term(vec4f(subgroupShuffle(a4, l)), b, c4);
            c5 = term(vec4f(subgroupShuffle(a5, l)), b, c5);
            c6 = term(vec4f(subgroupShuffle(a6, l)), b, c6);
            c7 = term(vec4f(subgroupShuffle(a7, l)), b, c7);
            c8 = term(vec4f(subgroupShuffle(a8, l)), b, c8);
          }
          if (ROWS > 9u) {
            c9 = term(vec4f(subgroupShuffle(a9, l)), b, c9);
            c10 = term(vec4f(subgroupShuffle(a10, l)), b, c10);
            c11 = term(vec4f(subgroupShuffle(a11, l)), b, c11);
          }
        }
      }
    }
  }
  let none = vec4f();
  store_rows(row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, none, none, none, none));
}
