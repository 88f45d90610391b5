// conv2d_backward_weight_subgroup4.wgsl: dw[q, o] = sum over pixels m of x[source(m, q)] * dy[m, o], where q is (tap,
// input channel), for software adapters whose subgroups have 4 lanes.
// A workgroup is one subgroup and owns 16 rows q by 16 columns o of one part of the pixels, an invocation 4 of the
// columns. Lane l loads the 16 sources of pixel m + l; quad swaps bring it those of the other three. No shared memory.
// Reads each element of x once per 16 columns and each of dy once per 16 rows. sum_splits.wgsl adds the parts in order:
// no atomics, the same bits on every run.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; source_of from conv_direct.wgsl | conv_levels.wgsl |
//   conv_rows.wgsl; p.OG, p.blocks, p.split, p.splits from conv_params.wgsl; load_dy from filter_add.wgsl |
//   filter_scalar.wgsl | filter_vec4.wgsl; left from left.wgsl; add_four from quads.wgsl; count_of, pixel_of, pixels_of
//   from rows_all.wgsl | rows_inside.wgsl; place_again, place_of, source_again from rows_any_tap.wgsl | rows_one_tap.wgsl;
//   store_parts from store_parts.wgsl

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
  let safe_column = min(column, p.OG - 1u) / 4u * 4u;

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
    // Beyond the last pixel the left values are zeros, so that no branch is needed.
    let inside = first + lane < end;
    let m = pixel_of(pixels, min(first + lane, end - 1u));
    let source = source_of(m);
    let b0 = load_dy(m, safe_column, z);
    let b1 = load_dy(quadSwapX(m), safe_column, z);
    let b2 = load_dy(quadSwapY(m), safe_column, z);
    let b3 = load_dy(quadSwapDiagonal(m), safe_column, z);
    let at0 = source_offset(source, place0.y, place0.z);
    c0 = add_four(c0, left(at0, i32(place0.x), inside), b0, b1, b2, b3);
    let at1 = source_again(at0, source, place1.y, place1.z);
    c1 = add_four(c1, left(at1, i32(place1.x), inside), b0, b1, b2, b3);
    let at2 = source_again(at0, source, place2.y, place2.z);
    c2 = add_four(c2, left(at2, i32(place2.x), inside), b0, b1, b2, b3);
    let at3 = source_again(at0, source, place3.y, place3.z);
    c3 = add_four(c3, left(at3, i32(place3.x), inside), b0, b1, b2, b3);
    let at4 = source_again(at0, source, place4.y, place4.z);
    c4 = add_four(c4, left(at4, i32(place4.x), inside), b0, b1, b2, b3);
    let at5 = source_again(at0, source, place5.y, place5.z);
    c5 = add_four(c5, left(at5, i32(place5.x), inside), b0, b1, b2, b3);
    let at6 = source_again(at0, source, place6.y, place6.z);
    c6 = add_four(c6, left(at6, i32(place6.x), inside), b0, b1, b2, b3);
    let at7 = source_again(at0, source, place7.y, place7.z);
    c7 = add_four(c7, left(at7, i32(place7.x), inside), b0, b1, b2, b3);
    let at8 = source_again(at0, source, place8.y, place8.z);
    c8 = add_four(c8, left(at8, i32(place8.x), inside), b0, b1, b2, b3);
    let at9 = source_again(at0, source, place9.y, place9.z);
    c9 = add_four(c9, left(at9, i32(place9.x), inside), b0, b1, b2, b3);
    let at10 = source_again(at0, source, place10.y, place10.z);
    c10 = add_four(c10, left(at10, i32(place10.x), inside), b0, b1, b2, b3);
    let at11 = source_again(at0, source, place11.y, place11.z);
    c11 = add_four(c11, left(at11, i32(place11.x), inside), b0, b1, b2, b3);
    let at12 = source_again(at0, source, place12.y, place12.z);
    c12 = add_four(c12, left(at12, i32(place12.x), inside), b0, b1, b2, b3);
    let at13 = source_again(at0, source, place13.y, place13.z);
    c13 = add_four(c13, left(at13, i32(place13.x), inside), b0, b1, b2, b3);
    let at14 = source_again(at0, source, place14.y, place14.z);
    c14 = add_four(c14, left(at14, i32(place14.x), inside), b0, b1, b2, b3);
    let at15 = source_again(at0, source, place15.y, place15.z);
    c15 = add_four(c15, left(at15, i32(place15.x), inside), b0, b1, b2, b3);
  }
  store_parts(part, row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15));
}
