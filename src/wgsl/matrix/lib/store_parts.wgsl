// store_parts.wgsl: stores one part of a filter gradient: 16 rows of the 4 columns that one invocation owns.
// needs: p.IG, p.KH, p.KW, p.OG from conv_params.wgsl;
//   store_part from filter_add.wgsl | filter_scalar.wgsl | filter_vec4.wgsl

fn store_parts(part: u32, row: u32, column: u32, z: u32, sums: array<vec4f, 16>) {
  if (column >= p.OG) { return; }
  var rows = sums;
  for (var at = row; at < min(row + 16u, p.KH * p.KW * p.IG); at++) { store_part(part, at, column, z, rows[at - row]); }
}
