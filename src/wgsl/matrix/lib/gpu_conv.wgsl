// gpu_conv.wgsl: the operands of a convolution for gemm_gpu.wgsl and gemm_matrix.wgsl, four lines of WIDTH elements (an X)
// at a time: left are source pixels, right are weights. WIDTH divides the source channels, so that the inner elements of
// four lines belong to one tap. With more than one split there is one matrix, and z counts the parts of its inner sum.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; DEPTH from header; Lines, lines_at from gpu_lines.wgsl;
//   begin_rows, source_of from conv_direct.wgsl | conv_levels.wgsl | conv_phases.wgsl | conv_rows.wgsl; tap_number, p.IG,
//   p.OG, p.split, p.splits, p.x_z from conv_params.wgsl; LEFT_STEP from gemm_gpu.wgsl | gemm_matrix.wgsl; begin_columns,
//   store_row from result_parts.wgsl | result_scalar.wgsl | result_vec4.wgsl; load_weights from weight_columns.wgsl |
//   weight_lines.wgsl | weight_turned.wgsl

// Neighbouring invocations read neighbouring source channels.
const LEFT_BY_ROW = false;

// The position of an invocation in the inner sum, and what it reads there.
struct Cursor {
  k: u32,
  tap: vec2u,     // along the height and the width
  channel: u32,
  column: u32,    // right: the first of WIDTH
  r0: vec3i, r1: vec3i, r2: vec3i, r3: vec3i, // left: the source pixels of the lines, under the first tap
}

var<private> taps: vec3u;

fn inner_begin(z: u32) -> u32 { return select(0u, z * p.split, p.splits > 1u); }
fn inner_end(row: u32, z: u32) -> u32 {
  // WGSL takes a private variable to be non-uniform; the end of the loop must be uniform.
  let all = begin_rows(row);
  taps = all;
  let end = all.x * all.y * p.IG;
  return select(end, min(end, (z + 1u) * p.split), p.splits > 1u);
}

fn begin_at(k: u32) -> Cursor {
  var cursor: Cursor;
  let tap = k / p.IG;
  cursor.k = k;
  cursor.tap = vec2u(tap / taps.y, tap % taps.y);
  cursor.channel = k % p.IG;
  return cursor;
}

// The lines of the left operand are LEFT_STEP rows apart, those of the right one neighbouring inner elements.
fn begin_left(row: u32, k: u32) -> Cursor {
  var cursor = begin_at(k);
  cursor.r0 = source_of(row);
  cursor.r1 = source_of(row + LEFT_STEP);
  cursor.r2 = source_of(row + 2u * LEFT_STEP);
  cursor.r3 = source_of(row + 3u * LEFT_STEP);
  return cursor;
}

fn begin_right(column: u32, k: u32) -> Cursor {
  var cursor = begin_at(k);
  cursor.column = column;
  return cursor;
}

fn advance(before: Cursor) -> Cursor {
  var cursor = before;
  cursor.k += DEPTH;
  cursor.channel += DEPTH;
  while (cursor.channel >= p.IG) {
    cursor.channel -= p.IG;
    cursor.tap.y++;
    if (cursor.tap.y == taps.y) { cursor.tap = vec2u(cursor.tap.x + 1u, 0u); }
  }
  return cursor;
}

fn place_of(source: vec3i, cursor: Cursor, on: bool) -> i32 {
  return select(-1, source_offset(source, cursor.tap.x, cursor.tap.y), on);
}

fn load_left(cursor: Cursor, end: u32, z: u32) -> Lines {
  let on = cursor.k < end;
  let a = place_of(cursor.r0, cursor, on);
  let b = place_of(cursor.r1, cursor, on);
  let c = place_of(cursor.r2, cursor, on);
  let d = place_of(cursor.r3, cursor, on);
  return lines_at(vec4(a, b, c, d), z * p.x_z + cursor.channel);
}

fn load_right(cursor: Cursor, end: u32, z: u32) -> Lines {
  let on = cursor.k < end;
  let tap = select(0u, tap_number(taps, cursor.tap.x, cursor.tap.y), on);
  return load_weights(tap, cursor.channel, cursor.column, z, on);
}

fn store_block(row: u32, column: u32, z: u32, c: mat4x4f) {
  if (column >= p.OG) { return; }
  begin_columns(column, z);
  store_row(row, column, z, c[0]);
  store_row(row + 1u, column, z, c[1]);
  store_row(row + 2u, column, z, c[2]);
  store_row(row + 3u, column, z, c[3]);
}

fn store_tile(row: u32, column: u32, z: u32, value: vec4f) {
  if (column >= p.OG) { return; }
  begin_columns(column, z);
  store_row(row, column, z, value);
}
