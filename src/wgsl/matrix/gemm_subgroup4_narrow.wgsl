// gemm_subgroup4_narrow.wgsl: implicit GEMM for software adapters whose subgroups have 4 lanes, for 8 columns or fewer.
// A workgroup is one subgroup and owns 32 rows by 8 columns: lanes 0 and 1 the first 16 rows, lanes 2 and 3 the others,
// each 4 columns. A lane loads one of two neighbouring source channels of its 16 rows, and swaps with its neighbour.
// Else as gemm_subgroup4.wgsl, which would leave half of its lanes idle here.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; begin_rows, source_of from conv_direct.wgsl |
//   conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; block_of, matrix_of, tap_number, p.IG, p.OG, p.blocks, p.x_z from
//   conv_params.wgsl; left from left.wgsl; add_two from quads.wgsl; store_rows from store_rows.wgsl; load_weight from
//   weight_scalar.wgsl | weight_vec4.wgsl

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let odd = (lane & 1u) == 1u;
  let row = block / p.blocks * 32u + (lane / 2u) * 16u;
  let column = (block % p.blocks * 2u + (lane & 1u)) * 4u;
  let safe_column = min(column, p.OG - 1u) / 4u * 4u;
  let channels = i32(z * p.x_z);
  let taps = begin_rows(block / p.blocks * 32u);

  // Each lane finds the pixels of 8 rows for both lanes.
  let own = row + (lane & 1u) * 8u;
  let source0 = source_of(own);
  let source1 = source_of(own + 1u);
  let source2 = source_of(own + 2u);
  let source3 = source_of(own + 3u);
  let source4 = source_of(own + 4u);
  let source5 = source_of(own + 5u);
  let source6 = source_of(own + 6u);
  let source7 = source_of(own + 7u);
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
      let at4 = source_offset(source4, kh, kw);
      let at5 = source_offset(source5, kh, kw);
      let at6 = source_offset(source6, kh, kw);
      let at7 = source_offset(source7, kh, kw);
      let at_row0 = select(at0, quadSwapX(at0), odd);
      let at_row1 = select(at1, quadSwapX(at1), odd);
      let at_row2 = select(at2, quadSwapX(at2), odd);
      let at_row3 = select(at3, quadSwapX(at3), odd);
      let at_row4 = select(at4, quadSwapX(at4), odd);
      let at_row5 = select(at5, quadSwapX(at5), odd);
      let at_row6 = select(at6, quadSwapX(at6), odd);
      let at_row7 = select(at7, quadSwapX(at7), odd);
      let at_row8 = select(quadSwapX(at0), at0, odd);
      let at_row9 = select(quadSwapX(at1), at1, odd);
      let at_row10 = select(quadSwapX(at2), at2, odd);
      let at_row11 = select(quadSwapX(at3), at3, odd);
      let at_row12 = select(quadSwapX(at4), at4, odd);
      let at_row13 = select(quadSwapX(at5), at5, odd);
      let at_row14 = select(quadSwapX(at6), at6, odd);
      let at_row15 = select(quadSwapX(at7), at7, odd);
      for (var i = 0u; i < p.IG; i += 2u) {
        // Beyond the last channel the left values are zeros, so that no branch is needed.
        let mine = i + (lane & 1u);
        let inside = mine < p.IG;
        let offset = channels + i32(min(mine, p.IG - 1u));
        let b0 = load_weight(tap, min(mine, p.IG - 1u), safe_column, z);
        let b1 = load_weight(tap, min(mine ^ 1u, p.IG - 1u), safe_column, z);
        c0 = add_two(c0, left(at_row0, offset, inside), b0, b1);
        c1 = add_two(c1, left(at_row1, offset, inside), b0, b1);
        c2 = add_two(c2, left(at_row2, offset, inside), b0, b1);
        c3 = add_two(c3, left(at_row3, offset, inside), b0, b1);
        c4 = add_two(c4, left(at_row4, offset, inside), b0, b1);
        c5 = add_two(c5, left(at_row5, offset, inside), b0, b1);
        c6 = add_two(c6, left(at_row6, offset, inside), b0, b1);
        c7 = add_two(c7, left(at_row7, offset, inside), b0, b1);
        c8 = add_two(c8, left(at_row8, offset, inside), b0, b1);
        c9 = add_two(c9, left(at_row9, offset, inside), b0, b1);
        c10 = add_two(c10, left(at_row10, offset, inside), b0, b1);
        c11 = add_two(c11, left(at_row11, offset, inside), b0, b1);
        c12 = add_two(c12, left(at_row12, offset, inside), b0, b1);
        c13 = add_two(c13, left(at_row13, offset, inside), b0, b1);
        c14 = add_two(c14, left(at_row14, offset, inside), b0, b1);
        c15 = add_two(c15, left(at_row15, offset, inside), b0, b1);
      }
    }
  }
  store_rows(row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15));
}
