// gemm_tile.wgsl: implicit GEMM for GPUs, in tiles of 64 rows by 64 columns, 16 deep.
// A workgroup of 256 owns one tile and shares both operands in shared memory; an invocation owns 4 rows by 4 columns.
// Each step loads 64x16 of the left operand and 16x64 of the right one once for the whole tile; both are padded by 4,
// so that the reads of 4 rows by neighbouring invocations fall into different banks.
// needs: block_of, matrix_of, p.blocks from conv_params.wgsl;
//   LEFT_BY_ROW, inner_begin, inner_end, load_left, load_right, store_tile from tile_conv.wgsl | tile_filter.wgsl

var<workgroup> left: array<array<f32, 68>, 16>;
var<workgroup> right: array<array<vec4f, 17>, 16>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let row0 = block / p.blocks * 64u;
  let column0 = block % p.blocks * 64u;
  let begin = inner_begin(z);
  let end = inner_end(row0, z);
  let ty = local / 16u;
  let tx = local % 16u;
  var c0 = vec4f();
  var c1 = vec4f();
  var c2 = vec4f();
  var c3 = vec4f();
  for (var k0 = begin; k0 < end; k0 += 16u) {
    for (var e = local; e < 1024u; e += 256u) {
      let r = select(e / 16u, e % 64u, LEFT_BY_ROW);
      let k = select(e % 16u, e / 64u, LEFT_BY_ROW);
      left[k][r] = load_left(row0 + r, k0 + k, end, z);
    }
    right[ty][tx] = load_right(k0 + ty, column0 + tx * 4u, end, z);
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let b = right[k][tx];
      c0 = fma(vec4f(left[k][ty * 4u]), b, c0);
      c1 = fma(vec4f(left[k][ty * 4u + 1u]), b, c1);
      c2 = fma(vec4f(left[k][ty * 4u + 2u]), b, c2);
      c3 = fma(vec4f(left[k][ty * 4u + 3u]), b, c3);
    }
    workgroupBarrier();
  }
  let row = row0 + ty * 4u;
  let column = column0 + tx * 4u;
  store_tile(row, column, z, c0);
  store_tile(row + 1u, column, z, c1);
  store_tile(row + 2u, column, z, c2);
  store_tile(row + 3u, column, z, c3);
}
