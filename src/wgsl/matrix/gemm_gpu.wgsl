// gemm_gpu.wgsl: implicit GEMM for GPUs, in tiles of ROWS by COLUMNS, DEPTH deep.
// A workgroup owns one tile and shares both operands in shared memory; an invocation owns FOURS x FOURS blocks of 4x4
// in registers. With FOURS = 2 it reads four vec4 of shared memory per 64 multiply-adds. The left operand is transposed
// there, so that both operands are read in vec4. The next tile is loaded into registers while this one is multiplied.
// The 32 lanes of a subgroup cover 4 x 8 blocks: neighbours read the same vec4, and eight of them a whole row of banks.
// needs: COLUMNS, DEPTH, FOURS, ROWS from header; block_of, matrix_of, p.blocks from conv_params.wgsl;
//   Cursor, LEFT_BY_ROW, Lines, advance, begin_left, begin_right, inner_begin, inner_end, load_left, load_right,
//   store_block from gpu_conv.wgsl | gpu_filter.wgsl;
//   term from sum_absolutes.wgsl | sum_products.wgsl | sum_squares.wgsl

const WIDTH = 4u;
const LEFT_STEP = 1u;

const ACROSS = COLUMNS / (4u * FOURS);  // invocations of a tile, along its columns and its rows
const DOWN = ROWS / (4u * FOURS);
const THREADS = ACROSS * DOWN;
const LEFT_FOURS = ROWS / 4u;           // vec4 of one inner element
const RIGHT_FOURS = COLUMNS / 4u;
// A piece is 4 inner elements of a vec4, which an invocation loads at once. Where there are more pieces than
// invocations, each loads one of the left operand and one of the right operand, if any is left; else one of either.
const LEFT_PIECES = LEFT_FOURS * (DEPTH / 4u);
const RIGHT_PIECES = RIGHT_FOURS * (DEPTH / 4u);
const TWO_EACH = LEFT_PIECES + RIGHT_PIECES > THREADS;

var<workgroup> left: array<vec4f, LEFT_FOURS * DEPTH>;
var<workgroup> right: array<vec4f, RIGHT_FOURS * DEPTH>;

// Which of a tile's vec4 a piece is, and the first of its inner elements.
fn left_place(piece: u32) -> vec2u {
  let along = vec2u(piece / (DEPTH / 4u), piece % (DEPTH / 4u) * 4u);
  return select(along, vec2u(piece % LEFT_FOURS, piece / LEFT_FOURS * 4u), LEFT_BY_ROW);
}

fn right_place(piece: u32) -> vec2u {
  return vec2u(piece % RIGHT_FOURS, piece / RIGHT_FOURS * 4u);
}

fn share_left(piece: u32, lines: Lines) {
  let plain = mat4x4f(lines.a, lines.b, lines.c, lines.d);
  var values = plain;
  if (!LEFT_BY_ROW) { values = transpose(plain); }
  let place = left_place(piece);
  let at = place.y * LEFT_FOURS + place.x;
  left[at] = values[0];
  left[at + LEFT_FOURS] = values[1];
  left[at + 2u * LEFT_FOURS] = values[2];
  left[at + 3u * LEFT_FOURS] = values[3];
}

fn share_right(piece: u32, lines: Lines) {
  let place = right_place(piece);
  let at = place.y * RIGHT_FOURS + place.x;
  right[at] = lines.a;
  right[at + RIGHT_FOURS] = lines.b;
  right[at + 2u * RIGHT_FOURS] = lines.c;
  right[at + 3u * RIGHT_FOURS] = lines.d;
}

// Sums of four blocks of 4x4, by rows.
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

fn multiply(before: Sums, k: u32, down: u32, across: u32) -> Sums {
  var sums = before;
  let a = left[k * LEFT_FOURS + down];
  let b = right[k * RIGHT_FOURS + across];
  sums.c00 = product(sums.c00, a, b);
  if (FOURS == 2u) {
    let below = left[k * LEFT_FOURS + DOWN + down];
    let beside = right[k * RIGHT_FOURS + ACROSS + across];
    sums.c01 = product(sums.c01, a, beside);
    sums.c10 = product(sums.c10, below, b);
    sums.c11 = product(sums.c11, below, beside);
  }
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
  let of_left = TWO_EACH | (local < LEFT_PIECES);
  let piece = select(local - LEFT_PIECES, local, of_left);
  let also_right = TWO_EACH & (local < RIGHT_PIECES);
  var first: Cursor;
  var second: Cursor;
  if (of_left) {
    let place = left_place(piece);
    first = begin_left(row0 + place.x * 4u, begin + place.y);
  } else {
    let place = right_place(piece);
    first = begin_right(column0 + place.x * 4u, begin + place.y);
  }
  if (TWO_EACH) {
    let place = right_place(local);
    second = begin_right(column0 + place.x * 4u, begin + place.y);
  }
  var sums: Sums;
  for (var k0 = begin; k0 < end + DEPTH; k0 += DEPTH) {
    var one: Lines;
    var other: Lines;
    if (of_left) { one = load_left(first, end, z); } else { one = load_right(first, end, z); }
    if (also_right) { other = load_right(second, end, z); }
    // Multiplies the previous tile while this one is loading. Two steps per iteration: the compiler of a software adapter
    // takes seconds for all 16.
    let depth = select(DEPTH, 0u, k0 == begin);
    for (var k = 0u; k < depth; k += 2u) {
      sums = multiply(sums, k, down, across);
      sums = multiply(sums, k + 1u, down, across);
    }
    workgroupBarrier();
    if (of_left) { share_left(piece, one); } else { share_right(piece, one); }
    if (also_right) { share_right(local, other); }
    workgroupBarrier();
    first = advance(first);
    if (TWO_EACH) { second = advance(second); }
  }
  let row = row0 + down * 4u;
  let column = column0 + across * 4u;
  store_block(row, column, z, sums.c00);
  if (FOURS == 2u) {
    store_block(row, column + 4u * ACROSS, z, sums.c01);
    store_block(row + 4u * DOWN, column, z, sums.c10);
    store_block(row + 4u * DOWN, column + 4u * ACROSS, z, sums.c11);
  }
}
