// gemm_matrix.wgsl: implicit GEMM on a GPU's matrix units: products of halves, added in f32.
// A workgroup owns a tile of ROWS by COLUMNS, DEPTH deep, and shares both operands in shared memory; a subgroup of 32
// lanes owns 64 by 32 of the tile, as 4x2 matrices of 16x16; 64 by 64 takes all registers that there are. Memory and shared
// memory are read and written 16 bytes at a time; 16 bytes of padding per line put neighbouring lines into different
// banks. The next tile is loaded while this one is multiplied. Offsets and strides of a matrix count elements of the array
// that holds it, 8 halves or 4 sums each.
// needs: COLUMNS, DEPTH, ROWS from header; block_of, matrix_of, p.blocks from conv_params.wgsl;
//   LEFT_BY_ROW, advance, begin_left, begin_right, inner_begin, inner_end, load_left, load_right, store_tile
//   from gpu_conv.wgsl | gpu_filter.wgsl; Lines from gpu_lines.wgsl

alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sum = subgroup_matrix_result<f32, 16, 16>;

const WIDTH = 8u;
const SUBGROUPS_ACROSS = COLUMNS / 32u;
const SUBGROUPS = ROWS / 64u * SUBGROUPS_ACROSS;
const THREADS = 32u * SUBGROUPS;
const LEFT_WIDTH = select(DEPTH, ROWS, LEFT_BY_ROW) / 8u; // eights of a line, which is a row or an inner element
const LEFT_LINE = LEFT_WIDTH + 1u;
const LEFT_SIZE = select(ROWS, DEPTH, LEFT_BY_ROW) * LEFT_LINE;
const RIGHT_WIDTH = COLUMNS / 8u;
const RIGHT_LINE = RIGHT_WIDTH + 1u;
const LEFT_STEP = THREADS / LEFT_WIDTH;
const STRIP = 16u * 32u / 4u;                             // fours of 16 rows of a subgroup's results

var<workgroup> tiles: array<vec4u, max(LEFT_SIZE + DEPTH * RIGHT_LINE, SUBGROUPS * STRIP)>;

// The first line that an invocation reads, and which eight of it. It reads four lines: of the right operand, and of a left
// operand that is stored by rows, neighbouring inner elements; else rows that are LEFT_STEP apart.
fn left_place(local: u32) -> vec2u {
  return vec2u(local / LEFT_WIDTH * select(1u, 4u, LEFT_BY_ROW), local % LEFT_WIDTH);
}

fn right_place(local: u32) -> vec2u {
  return vec2u(local / RIGHT_WIDTH * 4u, local % RIGHT_WIDTH);
}

fn share(at: u32, step: u32, lines: Lines) {
  tiles[at] = select(vec4u(), lines.a, lines.inside.x);
  tiles[at + step] = select(vec4u(), lines.b, lines.inside.y);
  tiles[at + 2u * step] = select(vec4u(), lines.c, lines.inside.z);
  tiles[at + 3u * step] = select(vec4u(), lines.d, lines.inside.w);
}

fn load_left_matrix(row: u32, k: u32) -> Left {
  if (LEFT_BY_ROW) { return subgroupMatrixLoad<Left, col_major>(&tiles, k * LEFT_LINE + row / 8u, LEFT_LINE); }
  return subgroupMatrixLoad<Left, row_major>(&tiles, row * LEFT_LINE + k / 8u, LEFT_LINE);
}

fn load_right_matrix(column: u32, k: u32) -> Right {
  return subgroupMatrixLoad<Right, row_major>(&tiles, LEFT_SIZE + k * RIGHT_LINE + column / 8u, RIGHT_LINE);
}

// 16 rows of a subgroup's results, through its region of shared memory.
fn store_strip(row: u32, column: u32, z: u32, region: u32, lane: u32, c0: Sum, c1: Sum) {
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&tiles, region, c0, 8u);
  subgroupMatrixStore<row_major>(&tiles, region + 4u, c1, 8u);
  workgroupBarrier();
  for (var i = lane; i < STRIP; i += 32u) {
    store_tile(row + i / 8u, column + i % 8u * 4u, z, bitcast<vec4f>(tiles[region + i]));
  }
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let row0 = block / p.blocks * ROWS;
  let column0 = block % p.blocks * COLUMNS;
  let end = inner_end(row0, z);
  let begin = inner_begin(z);
  let down = subgroup / SUBGROUPS_ACROSS * 64u;
  let across = subgroup % SUBGROUPS_ACROSS * 32u;
  let region = subgroup * STRIP;
  let left_at = left_place(local);
  let right_at = right_place(local);
  var left = begin_left(row0 + left_at.x, begin + left_at.y * 8u);
  if (LEFT_BY_ROW) { left = begin_left(row0 + left_at.y * 8u, begin + left_at.x); }
  var right = begin_right(column0 + right_at.y * 8u, begin + right_at.x);
  var c00 = Sum();
  var c01 = Sum();
  var c10 = Sum();
  var c11 = Sum();
  var c20 = Sum();
  var c21 = Sum();
  var c30 = Sum();
  var c31 = Sum();
  for (var k0 = begin; k0 < end + DEPTH; k0 += DEPTH) {
    let of_left = load_left(left, end, z);
    let of_right = load_right(right, end, z);
    // Multiplies the previous tile while this one is loading.
    if (k0 > begin) {
      for (var k = 0u; k < DEPTH; k += 16u) {
        let left0 = load_left_matrix(down, k);
        let left1 = load_left_matrix(down + 16u, k);
        let left2 = load_left_matrix(down + 32u, k);
        let left3 = load_left_matrix(down + 48u, k);
        let right0 = load_right_matrix(across, k);
        c00 = subgroupMatrixMultiplyAccumulate(left0, right0, c00);
        c10 = subgroupMatrixMultiplyAccumulate(left1, right0, c10);
        c20 = subgroupMatrixMultiplyAccumulate(left2, right0, c20);
        c30 = subgroupMatrixMultiplyAccumulate(left3, right0, c30);
        let right1 = load_right_matrix(across + 16u, k);
        c01 = subgroupMatrixMultiplyAccumulate(left0, right1, c01);
        c11 = subgroupMatrixMultiplyAccumulate(left1, right1, c11);
        c21 = subgroupMatrixMultiplyAccumulate(left2, right1, c21);
        c31 = subgroupMatrixMultiplyAccumulate(left3, right1, c31);
      }
    }
    workgroupBarrier();
    share(left_at.x * LEFT_LINE + left_at.y, select(LEFT_STEP, 1u, LEFT_BY_ROW) * LEFT_LINE, of_left);
    share(LEFT_SIZE + right_at.x * RIGHT_LINE + right_at.y, RIGHT_LINE, of_right);
    workgroupBarrier();
    left = advance(left);
    right = advance(right);
  }
  store_strip(row0 + down, column0 + across, z, region, lane, c00, c01);
  store_strip(row0 + down + 16u, column0 + across, z, region, lane, c10, c11);
  store_strip(row0 + down + 32u, column0 + across, z, region, lane, c20, c21);
  store_strip(row0 + down + 48u, column0 + across, z, region, lane, c30, c31);
}
