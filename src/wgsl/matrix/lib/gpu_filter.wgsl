// gpu_filter.wgsl: the operands of a filter gradient for gemm_gpu.wgsl and gemm_matrix.wgsl, four lines of WIDTH elements
// (an X) at a time: left are source pixels by (tap, channel), right is dy; the inner sum is over one part of the output
// pixels. WIDTH divides the source channels, so that a line belongs to one tap.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; DEPTH from header; Lines, lines_at from gpu_lines.wgsl;
//   Pixel, further, pixel_at, source_under from pixels_image.wgsl | pixels_levels.wgsl; p.IG, p.KH, p.KW, p.M, p.OG,
//   p.split, p.splits, p.x_z from conv_params.wgsl; load_dy, store_part from filter_columns.wgsl | filter_lines.wgsl

// Neighbouring invocations read neighbouring source channels, which are rows here.
const LEFT_BY_ROW = true;
const RIGHT_BY_COLUMN = false;

// The position of an invocation in the inner sum, and what it reads there.
struct Cursor {
  k: u32,
  pixel: Pixel,   // of the result
  tap: vec2u,     // left: along the height and the width
  column: u32,    // left: the first source channel; right: the first result channel
  none: bool,     // beyond the last row or column
}

fn inner_begin(z: u32) -> u32 { return z % p.splits * p.split; }
fn inner_end(row: u32, z: u32) -> u32 { return min((z % p.splits + 1u) * p.split, p.M); }

fn begin_left(row: u32, k: u32) -> Cursor {
  let tap = row / p.IG;
  return Cursor(k, pixel_at(k), vec2u(tap / p.KW, tap % p.KW), row % p.IG, tap >= p.KH * p.KW);
}

fn begin_right(column: u32, k: u32) -> Cursor {
  return Cursor(k, Pixel(), vec2u(), column, column >= p.OG);
}

fn advance(before: Cursor) -> Cursor {
  var cursor = before;
  cursor.k += DEPTH;
  cursor.pixel = further(cursor.pixel, DEPTH);
  return cursor;
}

fn place_of(pixel: Pixel, cursor: Cursor, on: bool) -> i32 {
  return select(-1, source_offset(source_under(pixel), cursor.tap.x, cursor.tap.y), on & !cursor.none);
}

fn load_left(cursor: Cursor, end: u32, z: u32) -> Lines {
  let second = further(cursor.pixel, 1u);
  let third = further(second, 1u);
  let a = place_of(cursor.pixel, cursor, cursor.k < end);
  let b = place_of(second, cursor, cursor.k + 1u < end);
  let c = place_of(third, cursor, cursor.k + 2u < end);
  let d = place_of(further(third, 1u), cursor, cursor.k + 3u < end);
  return lines_at(vec4(a, b, c, d), z / p.splits * p.x_z + cursor.column);
}

fn load_right(cursor: Cursor, end: u32, z: u32) -> Lines {
  let last = p.M - 1u;
  let column = select(cursor.column, 0u, cursor.none);
  let k = cursor.k + vec4u(0u, 1u, 2u, 3u);
  let at = min(k, vec4u(last));
  return Lines(
    load_dy(at.x, column, z / p.splits),
    load_dy(at.y, column, z / p.splits),
    load_dy(at.z, column, z / p.splits),
    load_dy(at.w, column, z / p.splits),
    (k < vec4u(end)) & vec4<bool>(!cursor.none),
  );
}

fn store_block(row: u32, column: u32, z: u32, c: mat4x4f) {
  store_tile(row, column, z, c[0]);
  store_tile(row + 1u, column, z, c[1]);
  store_tile(row + 2u, column, z, c[2]);
  store_tile(row + 3u, column, z, c[3]);
}

fn store_tile(row: u32, column: u32, z: u32, value: vec4f) {
  if (row < p.KH * p.KW * p.IG && column < p.OG) { store_part(z % p.splits, row, column, z / p.splits, value); }
}
