// rows_any_tap.wgsl: each of the 16 rows of a filter gradient's block may lie in a tap of its own.

fn source_again(first: i32, n: i32, oh: i32, ow: i32, kh: i32, kw: i32) -> i32 {
  return source_offset(n, oh, ow, kh, kw);
}
