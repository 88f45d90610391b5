// store_rows.wgsl: stores the sums that one invocation of a GEMM has of 16 rows and 4 columns.

fn store_rows(row: u32, column: u32, z: u32, sums: array<vec4f, 16>) {
  if (column >= p.OG) { return; }
  begin_columns(column, z);
  // In a loop that no compiler unrolls, as what is fused would be compiled 16 times.
  var rows = sums;
  for (var at = row; at < row + min(16u, p.M); at++) { store_row(at, column, z, rows[at - row]); }
}
