// rows_any_tap.wgsl: each of the 16 rows of a filter gradient's block may lie in a tap of its own.

fn source_again(first: i32, source: vec3i, kh: u32, kw: u32) -> i32 {
  return source_offset(source, kh, kw);
}
