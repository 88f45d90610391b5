// conv2d_backward_weight_subgroup4.wgsl: dw[q, o] = sum over pixels m of x[source(m, q)] * dy[m, o], for software
// adapters whose subgroups have 4 lanes; q is (tap, input channel).
// A workgroup is one subgroup and owns 16 rows q by 16 columns o for one part of the pixels; a lane owns 4 columns. Lane l
// loads the 16 sources of pixel m + l, and quad swaps bring it those of the other three. The parts are added in order
// by sum_splits.wgsl: no atomics, the same bits every time.

@group(0) @binding(1) var<storage, read> x: array<T>;

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = group.y * groups.x + group.x;
  let row = block / p.blocks * 16u;
  let column = (block % p.blocks * 4u + lane) * 4u;
  let z = group.z / p.splits;
  let part = group.z % p.splits;
  let rows = p.KH * p.KW * p.IG;
  let safe_column = min(column, (p.OG - 1u) / 4u * 4u);

  let place0 = place_of(row, z);
  let place1 = place_again(place0, row + 1u, z);
  let place2 = place_again(place0, row + 2u, z);
  let place3 = place_again(place0, row + 3u, z);
  let place4 = place_again(place0, row + 4u, z);
  let place5 = place_again(place0, row + 5u, z);
  let place6 = place_again(place0, row + 6u, z);
  let place7 = place_again(place0, row + 7u, z);
  let place8 = place_again(place0, row + 8u, z);
  let place9 = place_again(place0, row + 9u, z);
  let place10 = place_again(place0, row + 10u, z);
  let place11 = place_again(place0, row + 11u, z);
  let place12 = place_again(place0, row + 12u, z);
  let place13 = place_again(place0, row + 13u, z);
  let place14 = place_again(place0, row + 14u, z);
  let place15 = place_again(place0, row + 15u, z);
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
  let pixels = pixels_of(place0);
  let end = min((part + 1u) * p.split, count_of(pixels));
  for (var first = part * p.split; first < end; first += 4u) {
    // Past the last pixel the left values are zeros, so that nothing needs a branch.
    let inside = first + lane < end;
    let m = pixel_of(pixels, min(first + lane, end - 1u));
    let source = source_of(m);
    let b0 = load_dy(m, safe_column, z);
    let b1 = load_dy(quadSwapX(m), safe_column, z);
    let b2 = load_dy(quadSwapY(m), safe_column, z);
    let b3 = load_dy(quadSwapDiagonal(m), safe_column, z);
    let at0 = source_offset(source, place0.y, place0.z);
    let a0 = select(0.0, f32(x[u32(max(at0, 0)) + place0.x]), (at0 >= 0) & inside);
    c0 = fma(vec4f(a0), b0, c0);
    c0 = fma(vec4f(quadSwapX(a0)), b1, c0);
    c0 = fma(vec4f(quadSwapY(a0)), b2, c0);
    c0 = fma(vec4f(quadSwapDiagonal(a0)), b3, c0);
    let at1 = source_again(at0, source, place1.y, place1.z);
    let a1 = select(0.0, f32(x[u32(max(at1, 0)) + place1.x]), (at1 >= 0) & inside);
    c1 = fma(vec4f(a1), b0, c1);
    c1 = fma(vec4f(quadSwapX(a1)), b1, c1);
    c1 = fma(vec4f(quadSwapY(a1)), b2, c1);
    c1 = fma(vec4f(quadSwapDiagonal(a1)), b3, c1);
    let at2 = source_again(at0, source, place2.y, place2.z);
    let a2 = select(0.0, f32(x[u32(max(at2, 0)) + place2.x]), (at2 >= 0) & inside);
    c2 = fma(vec4f(a2), b0, c2);
    c2 = fma(vec4f(quadSwapX(a2)), b1, c2);
    c2 = fma(vec4f(quadSwapY(a2)), b2, c2);
    c2 = fma(vec4f(quadSwapDiagonal(a2)), b3, c2);
    let at3 = source_again(at0, source, place3.y, place3.z);
    let a3 = select(0.0, f32(x[u32(max(at3, 0)) + place3.x]), (at3 >= 0) & inside);
    c3 = fma(vec4f(a3), b0, c3);
    c3 = fma(vec4f(quadSwapX(a3)), b1, c3);
    c3 = fma(vec4f(quadSwapY(a3)), b2, c3);
    c3 = fma(vec4f(quadSwapDiagonal(a3)), b3, c3);
    let at4 = source_again(at0, source, place4.y, place4.z);
    let a4 = select(0.0, f32(x[u32(max(at4, 0)) + place4.x]), (at4 >= 0) & inside);
    c4 = fma(vec4f(a4), b0, c4);
    c4 = fma(vec4f(quadSwapX(a4)), b1, c4);
    c4 = fma(vec4f(quadSwapY(a4)), b2, c4);
    c4 = fma(vec4f(quadSwapDiagonal(a4)), b3, c4);
    let at5 = source_again(at0, source, place5.y, place5.z);
    let a5 = select(0.0, f32(x[u32(max(at5, 0)) + place5.x]), (at5 >= 0) & inside);
    c5 = fma(vec4f(a5), b0, c5);
    c5 = fma(vec4f(quadSwapX(a5)), b1, c5);
    c5 = fma(vec4f(quadSwapY(a5)), b2, c5);
    c5 = fma(vec4f(quadSwapDiagonal(a5)), b3, c5);
    let at6 = source_again(at0, source, place6.y, place6.z);
    let a6 = select(0.0, f32(x[u32(max(at6, 0)) + place6.x]), (at6 >= 0) & inside);
    c6 = fma(vec4f(a6), b0, c6);
    c6 = fma(vec4f(quadSwapX(a6)), b1, c6);
    c6 = fma(vec4f(quadSwapY(a6)), b2, c6);
    c6 = fma(vec4f(quadSwapDiagonal(a6)), b3, c6);
    let at7 = source_again(at0, source, place7.y, place7.z);
    let a7 = select(0.0, f32(x[u32(max(at7, 0)) + place7.x]), (at7 >= 0) & inside);
    c7 = fma(vec4f(a7), b0, c7);
    c7 = fma(vec4f(quadSwapX(a7)), b1, c7);
    c7 = fma(vec4f(quadSwapY(a7)), b2, c7);
    c7 = fma(vec4f(quadSwapDiagonal(a7)), b3, c7);
    let at8 = source_again(at0, source, place8.y, place8.z);
    let a8 = select(0.0, f32(x[u32(max(at8, 0)) + place8.x]), (at8 >= 0) & inside);
    c8 = fma(vec4f(a8), b0, c8);
    c8 = fma(vec4f(quadSwapX(a8)), b1, c8);
    c8 = fma(vec4f(quadSwapY(a8)), b2, c8);
    c8 = fma(vec4f(quadSwapDiagonal(a8)), b3, c8);
    let at9 = source_again(at0, source, place9.y, place9.z);
    let a9 = select(0.0, f32(x[u32(max(at9, 0)) + place9.x]), (at9 >= 0) & inside);
    c9 = fma(vec4f(a9), b0, c9);
    c9 = fma(vec4f(quadSwapX(a9)), b1, c9);
    c9 = fma(vec4f(quadSwapY(a9)), b2, c9);
    c9 = fma(vec4f(quadSwapDiagonal(a9)), b3, c9);
    let at10 = source_again(at0, source, place10.y, place10.z);
    let a10 = select(0.0, f32(x[u32(max(at10, 0)) + place10.x]), (at10 >= 0) & inside);
    c10 = fma(vec4f(a10), b0, c10);
    c10 = fma(vec4f(quadSwapX(a10)), b1, c10);
    c10 = fma(vec4f(quadSwapY(a10)), b2, c10);
    c10 = fma(vec4f(quadSwapDiagonal(a10)), b3, c10);
    let at11 = source_again(at0, source, place11.y, place11.z);
    let a11 = select(0.0, f32(x[u32(max(at11, 0)) + place11.x]), (at11 >= 0) & inside);
    c11 = fma(vec4f(a11), b0, c11);
    c11 = fma(vec4f(quadSwapX(a11)), b1, c11);
    c11 = fma(vec4f(quadSwapY(a11)), b2, c11);
    c11 = fma(vec4f(quadSwapDiagonal(a11)), b3, c11);
    let at12 = source_again(at0, source, place12.y, place12.z);
    let a12 = select(0.0, f32(x[u32(max(at12, 0)) + place12.x]), (at12 >= 0) & inside);
    c12 = fma(vec4f(a12), b0, c12);
    c12 = fma(vec4f(quadSwapX(a12)), b1, c12);
    c12 = fma(vec4f(quadSwapY(a12)), b2, c12);
    c12 = fma(vec4f(quadSwapDiagonal(a12)), b3, c12);
    let at13 = source_again(at0, source, place13.y, place13.z);
    let a13 = select(0.0, f32(x[u32(max(at13, 0)) + place13.x]), (at13 >= 0) & inside);
    c13 = fma(vec4f(a13), b0, c13);
    c13 = fma(vec4f(quadSwapX(a13)), b1, c13);
    c13 = fma(vec4f(quadSwapY(a13)), b2, c13);
    c13 = fma(vec4f(quadSwapDiagonal(a13)), b3, c13);
    let at14 = source_again(at0, source, place14.y, place14.z);
    let a14 = select(0.0, f32(x[u32(max(at14, 0)) + place14.x]), (at14 >= 0) & inside);
    c14 = fma(vec4f(a14), b0, c14);
    c14 = fma(vec4f(quadSwapX(a14)), b1, c14);
    c14 = fma(vec4f(quadSwapY(a14)), b2, c14);
    c14 = fma(vec4f(quadSwapDiagonal(a14)), b3, c14);
    let at15 = source_again(at0, source, place15.y, place15.z);
    let a15 = select(0.0, f32(x[u32(max(at15, 0)) + place15.x]), (at15 >= 0) & inside);
    c15 = fma(vec4f(a15), b0, c15);
    c15 = fma(vec4f(quadSwapX(a15)), b1, c15);
    c15 = fma(vec4f(quadSwapY(a15)), b2, c15);
    c15 = fma(vec4f(quadSwapDiagonal(a15)), b3, c15);
  }
  if (column < p.OG) {
    if (row + 0u < rows) { store_part(part, row + 0u, column, z, c0); }
    if (row + 1u < rows) { store_part(part, row + 1u, column, z, c1); }
    if (row + 2u < rows) { store_part(part, row + 2u, column, z, c2); }
    if (row + 3u < rows) { store_part(part, row + 3u, column, z, c3); }
    if (row + 4u < rows) { store_part(part, row + 4u, column, z, c4); }
    if (row + 5u < rows) { store_part(part, row + 5u, column, z, c5); }
    if (row + 6u < rows) { store_part(part, row + 6u, column, z, c6); }
    if (row + 7u < rows) { store_part(part, row + 7u, column, z, c7); }
    if (row + 8u < rows) { store_part(part, row + 8u, column, z, c8); }
    if (row + 9u < rows) { store_part(part, row + 9u, column, z, c9); }
    if (row + 10u < rows) { store_part(part, row + 10u, column, z, c10); }
    if (row + 11u < rows) { store_part(part, row + 11u, column, z, c11); }
    if (row + 12u < rows) { store_part(part, row + 12u, column, z, c12); }
    if (row + 13u < rows) { store_part(part, row + 13u, column, z, c13); }
    if (row + 14u < rows) { store_part(part, row + 14u, column, z, c14); }
    if (row + 15u < rows) { store_part(part, row + 15u, column, z, c15); }
  }
}
