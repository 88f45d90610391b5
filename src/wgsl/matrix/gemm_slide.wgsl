// gemm_slide.wgsl: implicit GEMM for software adapters and few columns, where neighbouring pixels and neighbouring taps
// both read neighbouring source pixels: what a pixel reads under one tap, its neighbour reads under the next.
// An invocation owns 16 neighbouring pixels of one row of the result and 4 columns; nothing is shared. Along a row of
// taps it loads one new source pixel per tap instead of 16: on a CPU a load costs as much as two multiply-adds of a
// vec4.
// The width of the result must divide by 16; along it the stride must be 1, and the dilation 1 or -1.
// needs: T from header; begin_rows, source_of from conv_direct.wgsl | conv_levels.wgsl | conv_phases.wgsl; block_of,
//   matrix_of, tap_number, p.C, p.DH, p.DW, p.H, p.IG, p.W, p.blocks, p.x_z from conv_params.wgsl; store_rows from
//   store_rows.wgsl; load_weight from weight_scalar.wgsl | weight_vec4.wgsl

@group(0) @binding(1) var<storage, read> x: array<T>;

// `at` is the first element of a row of the source, or -1 outside.
fn left(at: i32, iw: i32) -> f32 {
  let inside = (at >= 0) & (iw >= 0) & (iw < i32(p.W));
  return select(0.0, f32(x[select(0, at + iw * i32(p.C), inside)]), inside);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let first = block / p.blocks * 128u;
  let column = block % p.blocks * 4u;
  let taps = begin_rows(first);
  let row = first + lane * 16u;
  let source = source_of(row);
  // Where taps go backwards through the source, the last tap comes first, so that the source is always read forwards.
  let back = p.DW < 0;
  let left_column = source.z - select(0, i32(taps.y) - 1, back);

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
    let ih = source.y + i32(kh) * p.DH;
    let inside = (ih >= 0) & (ih < i32(p.H));
    let start = (source.x * i32(p.H) + ih) * i32(p.W * p.C) + i32(z * p.x_z);
    for (var i = 0u; i < p.IG; i++) {
      let at = select(-1, start + i32(i), inside);
      var a0 = left(at, left_column + 0);
      var a1 = left(at, left_column + 1);
      var a2 = left(at, left_column + 2);
      var a3 = left(at, left_column + 3);
      var a4 = left(at, left_column + 4);
      var a5 = left(at, left_column + 5);
      var a6 = left(at, left_column + 6);
      var a7 = left(at, left_column + 7);
      var a8 = left(at, left_column + 8);
      var a9 = left(at, left_column + 9);
      var a10 = left(at, left_column + 10);
      var a11 = left(at, left_column + 11);
      var a12 = left(at, left_column + 12);
      var a13 = left(at, left_column + 13);
      var a14 = left(at, left_column + 14);
      for (var kw = 0u; kw < taps.y; kw++) {
        let a15 = left(at, left_column + i32(kw) + 15);
        let b = load_weight(tap_number(taps, kh, select(kw, taps.y - 1u - kw, back)), i, column, z);
        c0 = fma(vec4f(a0), b, c0);
        c1 = fma(vec4f(a1), b, c1);
        c2 = fma(vec4f(a2), b, c2);
        c3 = fma(vec4f(a3), b, c3);
        c4 = fma(vec4f(a4), b, c4);
        c5 = fma(vec4f(a5), b, c5);
        c6 = fma(vec4f(a6), b, c6);
        c7 = fma(vec4f(a7), b, c7);
        c8 = fma(vec4f(a8), b, c8);
        c9 = fma(vec4f(a9), b, c9);
        c10 = fma(vec4f(a10), b, c10);
        c11 = fma(vec4f(a11), b, c11);
        c12 = fma(vec4f(a12), b, c12);
        c13 = fma(vec4f(a13), b, c13);
        c14 = fma(vec4f(a14), b, c14);
        c15 = fma(vec4f(a15), b, c15);
        a0 = a1;
        a1 = a2;
        a2 = a3;
        a3 = a4;
        a4 = a5;
        a5 = a6;
        a6 = a7;
        a7 = a8;
        a8 = a9;
        a9 = a10;
        a10 = a11;
        a11 = a12;
        a12 = a13;
        a13 = a14;
        a14 = a15;
      }
    }
  }
  store_rows(row, column, z, array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15));
}
