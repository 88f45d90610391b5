// gemm_subgroup8_narrow.wgsl: implicit GEMM for software adapters whose subgroups have 8 lanes, for few columns.
// A workgroup is one subgroup and owns 64 rows by 4 columns, an invocation 8 rows; nothing is shared or exchanged.
// Reads each source element once per 4 columns, and each weight once per 64 rows. gemm_subgroup8.wgsl would leave 7 of
// 8 lanes idle with 4 columns, and 6 with 8. (16 rows per invocation are no faster and take twice as long to compile;
// sources in fours are slower.)
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; T from header; begin_rows, source_of from conv_direct.wgsl
//   | conv_levels.wgsl | conv_phases.wgsl; block_of, matrix_of, tap_number, p.IG, p.M, p.blocks, p.x_z from
//   conv_params.wgsl; begin_columns, store_row from result_scalar.wgsl | result_vec4.wgsl; load_weight from
//   weight_scalar.wgsl | weight_vec4.wgsl

@group(0) @binding(1) var<storage, read> x: array<T>;

fn left(at: i32, offset: i32) -> vec4f {
  return vec4f(select(0.0, f32(x[max(at, 0) + offset]), at >= 0));
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let first = block / p.blocks * 64u;
  let column = block % p.blocks * 4u;
  let channels = i32(z * p.x_z);
  let taps = begin_rows(first);
  let row = first + lane * 8u;

  let source0 = source_of(row + 0u);
  let source1 = source_of(row + 1u);
  let source2 = source_of(row + 2u);
  let source3 = source_of(row + 3u);
  let source4 = source_of(row + 4u);
  let source5 = source_of(row + 5u);
  let source6 = source_of(row + 6u);
  let source7 = source_of(row + 7u);
  var c0 = vec4f();
  var c1 = vec4f();
  var c2 = vec4f();
  var c3 = vec4f();
  var c4 = vec4f();
  var c5 = vec4f();
  var c6 = vec4f();
  var c7 = vec4f();
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
      for (var i = 0u; i < p.IG; i++) {
        let offset = channels + i32(i);
        let b = load_weight(tap, i, column, z);
        c0 = fma(left(at0, offset), b, c0);
        c1 = fma(left(at1, offset), b, c1);
        c2 = fma(left(at2, offset), b, c2);
        c3 = fma(left(at3, offset), b, c3);
        c4 = fma(left(at4, offset), b, c4);
        c5 = fma(left(at5, offset), b, c5);
        c6 = fma(left(at6, offset), b, c6);
        c7 = fma(left(at7, offset), b, c7);
      }
    }
  }
  begin_columns(column, z);
  // A loop that no compiler unrolls, since the fused operations would be compiled 8 times.
  var rows = array(c0, c1, c2, c3, c4, c5, c6, c7);
  for (var at = row; at < row + min(8u, p.M); at++) {
    store_row(at, column, z, rows[at - row]);
  }
}
