// gemm_subgroup4.wgsl: implicit GEMM for software adapters whose subgroups have 4 lanes.
// A workgroup is one subgroup and owns 16 rows by 16 columns; a lane owns 4 columns of all 16 rows. Lane l loads source
// channel i + l of every row; quad swaps bring each lane the other three, and it takes the weights in the order in
// which they arrive. On a CPU a load is dearer than a multiply-add and a barrier dearer than both, so there is no shared
// memory, and a swap is one shuffle where a broadcast takes many instructions (SwiftShader: 4.5 against 3.0 GFLOP/s).

@group(0) @binding(1) var<storage, read> x: array<T>;

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
  let safe_column = min(column, (p.OG - 1u) / 4u * 4u);
  let channels = i32(z * p.x_z);
  let taps = begin_rows(row);

  // A lane finds the pixels of 4 rows, for all.
  let source0 = source_of(row + lane * 4u + 0u);
  let source1 = source_of(row + lane * 4u + 1u);
  let source2 = source_of(row + lane * 4u + 2u);
  let source3 = source_of(row + lane * 4u + 3u);
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
        // Past the last channel the left values are zeros, so that nothing needs a branch.
        let mine = i + lane;
        let inside = mine < p.IG;
        let offset = channels + i32(min(mine, p.IG - 1u));
        let b0 = load_weight(tap, min(i + lane, p.IG - 1u), safe_column, z);
        let b1 = load_weight(tap, min(i + (lane ^ 1u), p.IG - 1u), safe_column, z);
        let b2 = load_weight(tap, min(i + (lane ^ 2u), p.IG - 1u), safe_column, z);
        let b3 = load_weight(tap, min(i + (lane ^ 3u), p.IG - 1u), safe_column, z);
        let a0 = select(0.0, f32(x[max(at_row0, 0) + offset]), (at_row0 >= 0) & inside);
        c0 = fma(vec4f(a0), b0, c0);
        c0 = fma(vec4f(quadSwapX(a0)), b1, c0);
        c0 = fma(vec4f(quadSwapY(a0)), b2, c0);
        c0 = fma(vec4f(quadSwapDiagonal(a0)), b3, c0);
        let a1 = select(0.0, f32(x[max(at_row1, 0) + offset]), (at_row1 >= 0) & inside);
        c1 = fma(vec4f(a1), b0, c1);
        c1 = fma(vec4f(quadSwapX(a1)), b1, c1);
        c1 = fma(vec4f(quadSwapY(a1)), b2, c1);
        c1 = fma(vec4f(quadSwapDiagonal(a1)), b3, c1);
        let a2 = select(0.0, f32(x[max(at_row2, 0) + offset]), (at_row2 >= 0) & inside);
        c2 = fma(vec4f(a2), b0, c2);
        c2 = fma(vec4f(quadSwapX(a2)), b1, c2);
        c2 = fma(vec4f(quadSwapY(a2)), b2, c2);
        c2 = fma(vec4f(quadSwapDiagonal(a2)), b3, c2);
        let a3 = select(0.0, f32(x[max(at_row3, 0) + offset]), (at_row3 >= 0) & inside);
        c3 = fma(vec4f(a3), b0, c3);
        c3 = fma(vec4f(quadSwapX(a3)), b1, c3);
        c3 = fma(vec4f(quadSwapY(a3)), b2, c3);
        c3 = fma(vec4f(quadSwapDiagonal(a3)), b3, c3);
        let a4 = select(0.0, f32(x[max(at_row4, 0) + offset]), (at_row4 >= 0) & inside);
        c4 = fma(vec4f(a4), b0, c4);
        c4 = fma(vec4f(quadSwapX(a4)), b1, c4);
        c4 = fma(vec4f(quadSwapY(a4)), b2, c4);
        c4 = fma(vec4f(quadSwapDiagonal(a4)), b3, c4);
        let a5 = select(0.0, f32(x[max(at_row5, 0) + offset]), (at_row5 >= 0) & inside);
        c5 = fma(vec4f(a5), b0, c5);
        c5 = fma(vec4f(quadSwapX(a5)), b1, c5);
        c5 = fma(vec4f(quadSwapY(a5)), b2, c5);
        c5 = fma(vec4f(quadSwapDiagonal(a5)), b3, c5);
        let a6 = select(0.0, f32(x[max(at_row6, 0) + offset]), (at_row6 >= 0) & inside);
        c6 = fma(vec4f(a6), b0, c6);
        c6 = fma(vec4f(quadSwapX(a6)), b1, c6);
        c6 = fma(vec4f(quadSwapY(a6)), b2, c6);
        c6 = fma(vec4f(quadSwapDiagonal(a6)), b3, c6);
        let a7 = select(0.0, f32(x[max(at_row7, 0) + offset]), (at_row7 >= 0) & inside);
        c7 = fma(vec4f(a7), b0, c7);
        c7 = fma(vec4f(quadSwapX(a7)), b1, c7);
        c7 = fma(vec4f(quadSwapY(a7)), b2, c7);
        c7 = fma(vec4f(quadSwapDiagonal(a7)), b3, c7);
        let a8 = select(0.0, f32(x[max(at_row8, 0) + offset]), (at_row8 >= 0) & inside);
        c8 = fma(vec4f(a8), b0, c8);
        c8 = fma(vec4f(quadSwapX(a8)), b1, c8);
        c8 = fma(vec4f(quadSwapY(a8)), b2, c8);
        c8 = fma(vec4f(quadSwapDiagonal(a8)), b3, c8);
        let a9 = select(0.0, f32(x[max(at_row9, 0) + offset]), (at_row9 >= 0) & inside);
        c9 = fma(vec4f(a9), b0, c9);
        c9 = fma(vec4f(quadSwapX(a9)), b1, c9);
        c9 = fma(vec4f(quadSwapY(a9)), b2, c9);
        c9 = fma(vec4f(quadSwapDiagonal(a9)), b3, c9);
        let a10 = select(0.0, f32(x[max(at_row10, 0) + offset]), (at_row10 >= 0) & inside);
        c10 = fma(vec4f(a10), b0, c10);
        c10 = fma(vec4f(quadSwapX(a10)), b1, c10);
        c10 = fma(vec4f(quadSwapY(a10)), b2, c10);
        c10 = fma(vec4f(quadSwapDiagonal(a10)), b3, c10);
        let a11 = select(0.0, f32(x[max(at_row11, 0) + offset]), (at_row11 >= 0) & inside);
        c11 = fma(vec4f(a11), b0, c11);
        c11 = fma(vec4f(quadSwapX(a11)), b1, c11);
        c11 = fma(vec4f(quadSwapY(a11)), b2, c11);
        c11 = fma(vec4f(quadSwapDiagonal(a11)), b3, c11);
        let a12 = select(0.0, f32(x[max(at_row12, 0) + offset]), (at_row12 >= 0) & inside);
        c12 = fma(vec4f(a12), b0, c12);
        c12 = fma(vec4f(quadSwapX(a12)), b1, c12);
        c12 = fma(vec4f(quadSwapY(a12)), b2, c12);
        c12 = fma(vec4f(quadSwapDiagonal(a12)), b3, c12);
        let a13 = select(0.0, f32(x[max(at_row13, 0) + offset]), (at_row13 >= 0) & inside);
        c13 = fma(vec4f(a13), b0, c13);
        c13 = fma(vec4f(quadSwapX(a13)), b1, c13);
        c13 = fma(vec4f(quadSwapY(a13)), b2, c13);
        c13 = fma(vec4f(quadSwapDiagonal(a13)), b3, c13);
        let a14 = select(0.0, f32(x[max(at_row14, 0) + offset]), (at_row14 >= 0) & inside);
        c14 = fma(vec4f(a14), b0, c14);
        c14 = fma(vec4f(quadSwapX(a14)), b1, c14);
        c14 = fma(vec4f(quadSwapY(a14)), b2, c14);
        c14 = fma(vec4f(quadSwapDiagonal(a14)), b3, c14);
        let a15 = select(0.0, f32(x[max(at_row15, 0) + offset]), (at_row15 >= 0) & inside);
        c15 = fma(vec4f(a15), b0, c15);
        c15 = fma(vec4f(quadSwapX(a15)), b1, c15);
        c15 = fma(vec4f(quadSwapY(a15)), b2, c15);
        c15 = fma(vec4f(quadSwapDiagonal(a15)), b3, c15);
      }
    }
  }
  if (column < p.OG) {
    begin_columns(column, z);
    // In a loop that no compiler unrolls, as what is fused would be compiled 16 times.
    var rows = array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15);
    for (var at = row; at < row + min(16u, p.M); at++) {
      store_row(at, column, z, rows[at - row]);
    }
  }
}
