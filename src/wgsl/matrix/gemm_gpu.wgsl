// gemm_gpu.wgsl: implicit GEMM for GPUs, in tiles of ROWS by COLUMNS, DEPTH deep.
// A workgroup owns one tile and shares both operands in shared memory; an invocation owns FOURS_DOWN x FOURS_ACROSS blocks
// of 4x4 in registers. With 2 x 2 it reads four vec4 of shared memory per 64 multiply-adds. The left operand is transposed
// there, so that both operands are read in vec4. The next tile is loaded into registers while this one is multiplied.
// The 32 lanes of a subgroup cover 4 x 8 blocks: neighbours read the same vec4, and eight of them a whole row of banks.
// needs: COLUMNS, DEPTH, FOURS_ACROSS, FOURS_DOWN, ROWS, X from header; block_of, matrix_of, p.blocks from conv_params.wgsl;
//   Cursor, LEFT_BY_ROW, advance, begin_left, begin_right, inner_begin, inner_end, load_left, load_right,
//   store_block from gpu_conv.wgsl | gpu_filter.wgsl;
//   RIGHT_BY_COLUMN from gpu_filter.wgsl | weight_columns.wgsl | weight_lines.wgsl | weight_turned.wgsl;
//   Lines from gpu_lines.wgsl; values_of from lines_f16.wgsl | lines_f32.wgsl; term from sum_absolutes.wgsl | sum_products.wgsl | sum_squares.wgsl

const WIDTH = 4u;
const LEFT_STEP = 1u;

const ACROSS = COLUMNS / (4u * FOURS_ACROSS); // invocations of a tile, along its columns and its rows
const DOWN = ROWS / (4u * FOURS_DOWN);
const THREADS = ACROSS * DOWN;
const LEFT_FOURS = ROWS / 4u;                 // vec4 of one inner element
const RIGHT_FOURS = COLUMNS / 4u;
// A piece is 4 inner elements of a vec4. An invocation loads one, of the left operand or of the right one, if any is left.
const DEEP_FOURS = DEPTH / 4u;
const LEFT_PIECES = LEFT_FOURS * DEEP_FOURS;
const PIECES = LEFT_PIECES + RIGHT_FOURS * DEEP_FOURS;
const_assert PIECES <= THREADS;

// By fours of inner elements: each dimension has a bounds check of its own, and those of the other two are the same for the
// whole tile.
var<workgroup> left: array<array<array<vec4f, LEFT_FOURS>, 4>, DEEP_FOURS>;
var<workgroup> right: array<array<array<vec4f, RIGHT_FOURS>, 4>, DEEP_FOURS>;

// Which of a tile's vec4 a piece is, and which four inner elements.
fn left_place(piece: u32) -> vec2u {
  let along = vec2u(piece / DEEP_FOURS, piece % DEEP_FOURS);
  return select(along, vec2u(piece % LEFT_FOURS, piece / LEFT_FOURS), LEFT_BY_ROW);
}

fn right_place(piece: u32) -> vec2u {
  return vec2u(piece % RIGHT_FOURS, piece / RIGHT_FOURS);
}

// Where a vec4 of the left operand lies among its inner element's: eight invocations that store neighbouring pieces, whose
// inner elements differ, store into different banks.
fn turned(place: u32, four: u32) -> u32 {
  return place ^ (four * (8u / DEEP_FOURS));
}

// A line as it is multiplied: zeros where it is not inside.
fn line(loaded: X, inside: bool) -> vec4f {
  return select(vec4f(), values_of(loaded), inside);
}

fn block_of_lines(lines: Lines) -> mat4x4f {
  return mat4x4f(
    line(lines.a, lines.inside.x),
    line(lines.b, lines.inside.y),
    line(lines.c, lines.inside.z),
    line(lines.d, lines.inside.w),
  );
}

fn share_left(piece: u32, lines: Lines) {
  let plain = block_of_lines(lines);
  var values = plain;
  if (!LEFT_BY_ROW) { values = transpose(plain); }
  let place = left_place(piece);
  let at = turned(place.x, place.y);
  left[place.y][0][at] = values[0];
  left[place.y][1][at] = values[1];
  left[place.y][2][at] = values[2];
  left[place.y][3][at] = values[3];
}

fn share_right(piece: u32, lines: Lines) {
  let plain = block_of_lines(lines);
  var values = plain;
  if (RIGHT_BY_COLUMN) { values = transpose(plain); }
  let place = right_place(piece);
  right[place.y][0][place.x] = values[0];
  right[place.y][1][place.x] = values[1];
  right[place.y][2][place.x] = values[2];
  right[place.y][3][place.x] = values[3];
}

// Sums of up to four blocks of 4x4, by rows.
struct Sums { c00: mat4x4f, c01: mat4x4f, c10: mat4x4f, c11: mat4x4f }

// c + the terms of a and b^T.
fn product(c: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(
    term(vec4f(a.x), b, c[0]),
    term(vec4f(a.y), b, c[1]),
    term(vec4f(a.z), b, c[2]),
    term(vec4f(a.w), b, c[3]),
  );
}

// Adds the terms of inner element k of a four.
fn multiply(before: Sums, four: u32, k: u32, down: u32, across: u32) -> Sums {
  var sums = before;
  let a = left[four][k][turned(down, four)];
  let b = right[four][k][across];
  var below = a;
  var beside = b;
  if (FOURS_DOWN == 2u) { below = left[four][k][turned(DOWN + down, four)]; }
  if (FOURS_ACROSS == 2u) { beside = right[four][k][ACROSS + across]; }
  sums.c00 = product(sums.c00, a, b);
  if (FOURS_ACROSS == 2u) { sums.c01 = product(sums.c01, a, beside); }
  if (FOURS_DOWN == 2u) { sums.c10 = product(sums.c10, below, b); }
  if (FOURS_ACROSS * FOURS_DOWN == 4u) { sums.c11 = product(sums.c11, below, beside); }
  return sums;
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let row0 = block / p.blocks * ROWS;
  let column0 = block % p.blocks * COLUMNS;
  let end = inner_end(row0, z);
  let begin = inner_begin(z);
  let subgroup = local / 32u;
  let lane = local % 32u;
  let down = subgroup / (ACROSS / 8u) * 4u + lane / 16u * 2u + lane % 2u;
  let across = subgroup % (ACROSS / 8u) * 8u + lane % 16u / 2u;
  let of_left = local < LEFT_PIECES;
  let piece = select(local - LEFT_PIECES, local, of_left);
  var cursor: Cursor;
  if (of_left) {
    let place = left_place(piece);
    cursor = begin_left(row0 + place.x * 4u, begin + place.y * 4u);
  } else {
    let place = right_place(piece);
    cursor = begin_right(column0 + place.x * 4u, begin + place.y * 4u);
  }
  var sums: Sums;
  for (var k0 = begin; k0 < end + DEPTH; k0 += DEPTH) {
    // Invocations without a piece load one too: a compiler waits for loads where three branches meet.
    var lines: Lines;
    if (of_left) { lines = load_left(cursor, end, z); } else { lines = load_right(cursor, end, z); }
    // Multiplies the previous tile while this one is loading.
    if (k0 > begin) {
      for (var four = 0u; four < DEEP_FOURS; four++) {
        sums = multiply(sums, four, 0u, down, across);
        sums = multiply(sums, four, 1u, down, across);
        sums = multiply(sums, four, 2u, down, across);
        sums = multiply(sums, four, 3u, down, across);
      }
    }
    workgroupBarrier();
    if (of_left) { share_left(piece, lines); } else if (local < PIECES) { share_right(piece, lines); }
    workgroupBarrier();
    cursor = advance(cursor);
  }
  let row = row0 + down * 4u;
  let column = column0 + across * 4u;
  store_block(row, column, z, sums.c00);
  if (FOURS_ACROSS == 2u) { store_block(row, column + 4u * ACROSS, z, sums.c01); }
  if (FOURS_DOWN == 2u) { store_block(row + 4u * DOWN, column, z, sums.c10); }
  if (FOURS_ACROSS * FOURS_DOWN == 4u) { store_block(row + 4u * DOWN, column + 4u * ACROSS, z, sums.c11); }
}
