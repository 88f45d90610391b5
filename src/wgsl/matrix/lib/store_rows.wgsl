// store_rows.wgsl: stores the results of ROWS rows, at most 16, and 4 columns that one invocation owns.
// needs: ROWS from header; p.M, p.OG from conv_params.wgsl; begin_columns, store_row from result_scalar.wgsl | result_vec4.wgsl

fn store_rows(row: u32, column: u32, z: u32, sums: array<vec4f, 16>) {
  if (column >= p.OG) { return; }
  begin_columns(column, z);
  // A loop that no compiler unrolls, since the fused operations would be compiled 16 times.
  var rows = sums;
  for (var at = row; at < row + min(ROWS, p.M); at++) { store_row(at, column, z, rows[at - row]); }
}
