// gemm_subgroup4_flat.wgsl: implicit GEMM for adapters whose subgroups have 4 lanes and images of few channels.
// As gemm_subgroup4.wgsl, but the inner sum runs over taps and channels as one: lane l loads element k + l of the 4 that
// come next, whichever tap they belong to, and what a tap costs is paid once for 4 products and not for 3.
// Weights of neighbouring elements must be w_i apart across taps, too.

@group(0) @binding(1) var<storage, read> x: array<T>;

// What an element adds to a row's first source pixel: rows, columns, and elements; far outside where there is none.
fn tap_of(kh: u32, kw: u32, channel: i32, inside: bool) -> vec3i {
  let rows = select(1 << 29, i32(kh) * p.DH, inside);
  return vec3i(rows, i32(kw) * p.DW, channel);
}

fn left(first: vec3i, there: vec3i) -> f32 {
  let ih = first.y + there.x;
  let iw = first.z + there.y;
  let inside = (ih >= 0) & (ih < i32(p.H)) & (iw >= 0) & (iw < i32(p.W));
  let at = ((first.x * i32(p.H) + ih) * i32(p.W) + iw) * i32(p.C) + there.z;
  return select(0.0, f32(x[select(0, at, inside)]), inside);
}

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = block_of(group, groups);
  let z = matrix_of(group, groups);
  let row = block / p.blocks * 16u;
  let column = (block % p.blocks * 4u + lane) * 4u;
  let safe_column = min(column, (p.OG - 1u) / 4u * 4u);
  let taps = begin_rows(row);
  let depth = taps.x * taps.y * p.IG;

  // A lane finds the pixels of 4 rows, for all.
  let source0 = source_of(row + lane * 4u + 0u);
  let source1 = source_of(row + lane * 4u + 1u);
  let source2 = source_of(row + lane * 4u + 2u);
  let source3 = source_of(row + lane * 4u + 3u);
  let from0 = subgroupBroadcast(source0, 0u);
  let from1 = subgroupBroadcast(source1, 0u);
  let from2 = subgroupBroadcast(source2, 0u);
  let from3 = subgroupBroadcast(source3, 0u);
  let from4 = subgroupBroadcast(source0, 1u);
  let from5 = subgroupBroadcast(source1, 1u);
  let from6 = subgroupBroadcast(source2, 1u);
  let from7 = subgroupBroadcast(source3, 1u);
  let from8 = subgroupBroadcast(source0, 2u);
  let from9 = subgroupBroadcast(source1, 2u);
  let from10 = subgroupBroadcast(source2, 2u);
  let from11 = subgroupBroadcast(source3, 2u);
  let from12 = subgroupBroadcast(source0, 3u);
  let from13 = subgroupBroadcast(source1, 3u);
  let from14 = subgroupBroadcast(source2, 3u);
  let from15 = subgroupBroadcast(source3, 3u);
  var c0 = vec4f();
  var c1 = vec4f();
  var c2 = vec4f();
  var c3 = vec4f();
  var c4 = vec4f();
  var c5 = vec4f();
  var c6 = vec4f();
  var c7 = vec4f();
  var c8 = vec4f();
  var c9 = vec4f();
  var c10 = vec4f();
  var c11 = vec4f();
  var c12 = vec4f();
  var c13 = vec4f();
  var c14 = vec4f();
  var c15 = vec4f();
  for (var k = 0u; k < depth; k += 4u) {
    // Past the last element the left values are zeros, so that nothing needs a branch.
    let mine = select(0u, k + lane, k + lane < depth);
    let tap = mine / p.IG;
    let kh = tap / taps.y;
    let there = tap_of(kh, tap - kh * taps.y, i32(mine - tap * p.IG + z * p.x_z), k + lane < depth);
    let b0 = load_weight(0u, min(k + lane, depth - 1u), safe_column, z);
    let b1 = load_weight(0u, min(k + (lane ^ 1u), depth - 1u), safe_column, z);
    let b2 = load_weight(0u, min(k + (lane ^ 2u), depth - 1u), safe_column, z);
    let b3 = load_weight(0u, min(k + (lane ^ 3u), depth - 1u), safe_column, z);
    let a0 = left(from0, there);
    c0 = fma(vec4f(a0), b0, c0);
    c0 = fma(vec4f(quadSwapX(a0)), b1, c0);
    c0 = fma(vec4f(quadSwapY(a0)), b2, c0);
    c0 = fma(vec4f(quadSwapDiagonal(a0)), b3, c0);
    let a1 = left(from1, there);
    c1 = fma(vec4f(a1), b0, c1);
    c1 = fma(vec4f(quadSwapX(a1)), b1, c1);
    c1 = fma(vec4f(quadSwapY(a1)), b2, c1);
    c1 = fma(vec4f(quadSwapDiagonal(a1)), b3, c1);
    let a2 = left(from2, there);
    c2 = fma(vec4f(a2), b0, c2);
    c2 = fma(vec4f(quadSwapX(a2)), b1, c2);
    c2 = fma(vec4f(quadSwapY(a2)), b2, c2);
    c2 = fma(vec4f(quadSwapDiagonal(a2)), b3, c2);
    let a3 = left(from3, there);
    c3 = fma(vec4f(a3), b0, c3);
    c3 = fma(vec4f(quadSwapX(a3)), b1, c3);
    c3 = fma(vec4f(quadSwapY(a3)), b2, c3);
    c3 = fma(vec4f(quadSwapDiagonal(a3)), b3, c3);
    let a4 = left(from4, there);
    c4 = fma(vec4f(a4), b0, c4);
    c4 = fma(vec4f(quadSwapX(a4)), b1, c4);
    c4 = fma(vec4f(quadSwapY(a4)), b2, c4);
    c4 = fma(vec4f(quadSwapDiagonal(a4)), b3, c4);
    let a5 = left(from5, there);
    c5 = fma(vec4f(a5), b0, c5);
    c5 = fma(vec4f(quadSwapX(a5)), b1, c5);
    c5 = fma(vec4f(quadSwapY(a5)), b2, c5);
    c5 = fma(vec4f(quadSwapDiagonal(a5)), b3, c5);
    let a6 = left(from6, there);
    c6 = fma(vec4f(a6), b0, c6);
    c6 = fma(vec4f(quadSwapX(a6)), b1, c6);
    c6 = fma(vec4f(quadSwapY(a6)), b2, c6);
    c6 = fma(vec4f(quadSwapDiagonal(a6)), b3, c6);
    let a7 = left(from7, there);
    c7 = fma(vec4f(a7), b0, c7);
    c7 = fma(vec4f(quadSwapX(a7)), b1, c7);
    c7 = fma(vec4f(quadSwapY(a7)), b2, c7);
    c7 = fma(vec4f(quadSwapDiagonal(a7)), b3, c7);
    let a8 = left(from8, there);
    c8 = fma(vec4f(a8), b0, c8);
    c8 = fma(vec4f(quadSwapX(a8)), b1, c8);
    c8 = fma(vec4f(quadSwapY(a8)), b2, c8);
    c8 = fma(vec4f(quadSwapDiagonal(a8)), b3, c8);
    let a9 = left(from9, there);
    c9 = fma(vec4f(a9), b0, c9);
    c9 = fma(vec4f(quadSwapX(a9)), b1, c9);
    c9 = fma(vec4f(quadSwapY(a9)), b2, c9);
    c9 = fma(vec4f(quadSwapDiagonal(a9)), b3, c9);
    let a10 = left(from10, there);
    c10 = fma(vec4f(a10), b0, c10);
    c10 = fma(vec4f(quadSwapX(a10)), b1, c10);
    c10 = fma(vec4f(quadSwapY(a10)), b2, c10);
    c10 = fma(vec4f(quadSwapDiagonal(a10)), b3, c10);
    let a11 = left(from11, there);
    c11 = fma(vec4f(a11), b0, c11);
    c11 = fma(vec4f(quadSwapX(a11)), b1, c11);
    c11 = fma(vec4f(quadSwapY(a11)), b2, c11);
    c11 = fma(vec4f(quadSwapDiagonal(a11)), b3, c11);
    let a12 = left(from12, there);
    c12 = fma(vec4f(a12), b0, c12);
    c12 = fma(vec4f(quadSwapX(a12)), b1, c12);
    c12 = fma(vec4f(quadSwapY(a12)), b2, c12);
    c12 = fma(vec4f(quadSwapDiagonal(a12)), b3, c12);
    let a13 = left(from13, there);
    c13 = fma(vec4f(a13), b0, c13);
    c13 = fma(vec4f(quadSwapX(a13)), b1, c13);
    c13 = fma(vec4f(quadSwapY(a13)), b2, c13);
    c13 = fma(vec4f(quadSwapDiagonal(a13)), b3, c13);
    let a14 = left(from14, there);
    c14 = fma(vec4f(a14), b0, c14);
    c14 = fma(vec4f(quadSwapX(a14)), b1, c14);
    c14 = fma(vec4f(quadSwapY(a14)), b2, c14);
    c14 = fma(vec4f(quadSwapDiagonal(a14)), b3, c14);
    let a15 = left(from15, there);
    c15 = fma(vec4f(a15), b0, c15);
    c15 = fma(vec4f(quadSwapX(a15)), b1, c15);
    c15 = fma(vec4f(quadSwapY(a15)), b2, c15);
    c15 = fma(vec4f(quadSwapDiagonal(a15)), b3, c15);
  }
  if (column < p.OG) {
    begin_columns(column, z);
    // In a loop that no compiler unrolls, as what is fused would be compiled 16 times.
    var rows = array(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15);
    for (var at = row; at < row + min(16u, p.M); at++) {
      store_row(at, column, z, rows[at - row]);
    }
  }
}
