// conv2d_backward_weight_subgroup8.wgsl: dw[q, o] = sum over pixels m of x[source(m, q)] * dy[m, o], where q is (tap,
// input channel), for software adapters whose subgroups have 8 lanes.
// A workgroup is one subgroup and owns 16 rows q by 32 columns o of one part of the pixels, an invocation 4 of the
// columns. Lane l loads the 16 sources of pixel m + l; the others get them by shuffles. No shared memory. Reads each
// element of x once per 32 columns and each of dy once per 16 rows. sum_splits.wgsl adds the parts in order: no
// atomics, the same bits on every run.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; source_of from conv_direct.wgsl | conv_levels.wgsl |
//   conv_rows.wgsl; p.OG, p.blocks, p.split, p.splits from conv_params.wgsl; load_dy from filter_add.wgsl |
//   filter_scalar.wgsl | filter_vec4.wgsl; left from left.wgsl; count_of, pixel_again, pixel_of, pixels_of from
//   rows_all.wgsl | rows_inside.wgsl; place_again, place_of, source_again from rows_any_tap.wgsl | rows_one_tap.wgsl;
//   store_parts from store_parts.wgsl

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = group.y * groups.x + group.x;
  let row = block / p.blocks * 16u;
  let column = (block % p.blocks * 8u + lane) * 4u;
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
  for (var first = part * p.split; first < end; first += 8u) {
    // Beyond the last pixel the left values are zeros, so that no branch is needed.
    let m = pixel_of(pixels, min(first + lane, end - 1u));
    let inside = first + lane < end;
    let source = source_of(m);
    let at0 = source_offset(source, place0.y, place0.z);
    let a0 = left(at0, i32(place0.x), inside);
    let at1 = source_again(at0, source, place1.y, place1.z);
    let a1 = left(at1, i32(place1.x), inside);
    let at2 = source_again(at0, source, place2.y, place2.z);
    let a2 = left(at2, i32(place2.x), inside);
    let at3 = source_again(at0, source, place3.y, place3.z);
    let a3 = left(at3, i32(place3.x), inside);
    let at4 = source_again(at0, source, place4.y, place4.z);
    let a4 = left(at4, i32(place4.x), inside);
    let at5 = source_again(at0, source, place5.y, place5.z);
    let a5 = left(at5, i32(place5.x), inside);
    let at6 = source_again(at0, source, place6.y, place6.z);
    let a6 = left(at6, i32(place6.x), inside);
    let at7 = source_again(at0, source, place7.y, place7.z);
    let a7 = left(at7, i32(place7.x), inside);
    let at8 = source_again(at0, source, place8.y, place8.z);
    let a8 = left(at8, i32(place8.x), inside);
    let at9 = source_again(at0, source, place9.y, place9.z);
    let a9 = left(at9, i32(place9.x), inside);
    let at10 = source_again(at0, source, place10.y, place10.z);
    let a10 = left(at10, i32(place10.x), inside);
    let at11 = source_again(at0, source, place11.y, place11.z);
    let a11 = left(at11, i32(place11.x), inside);
    let at12 = source_again(at0, source, place12.y, place12.z);
    let a12 = left(at12, i32(place12.x), inside);
    let at13 = source_again(at0, source, place13.y, place13.z);
    let a13 = left(at13, i32(place13.x), inside);
    let at14 = source_again(at0, source, place14.y, place14.z);
    let a14 = left(at14, i32(place14.x), inside);
    let at15 = source_again(at0, source, place15.y, place15.z);
    let a15 = left(at15, i32(place15.x), inside);
    for (var l = 0u; l < min(8u, end - first); l++) {
      let b = load_dy(pixel_again(m, first + l, l), safe_column, z);
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
  store_parts(part, row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15));
}
