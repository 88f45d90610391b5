// conv2d_backward_weight_subgroup4_narrow.wgsl: dw[q, o] = sum over pixels m of x[source(m, q)] * dy[m, o], for software
// adapters whose subgroups have 4 lanes, and 8 columns or fewer; q is (tap, input channel).
// A workgroup is one subgroup and owns 32 rows q by 8 columns o for one part of the pixels: lanes 0 and 1 the first 16 rows,
// lanes 2 and 3 the others, each 4 columns. A lane loads the 16 sources of one of two pixels, and swaps with its
// neighbour. The parts are added in order by sum_splits.wgsl: no atomics, the same bits every time.

@group(0) @binding(1) var<storage, read> x: array<T>;

@compute @workgroup_size(4)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let block = group.y * groups.x + group.x;
  let row = block / p.blocks * 32u + (lane / 2u) * 16u;
  let column = (block % p.blocks * 2u + (lane & 1u)) * 4u;
  let z = group.z / p.splits;
  let part = group.z % p.splits;
  let rows = p.KH * p.KW * p.IG;
  let safe_column = min(column, (p.OG - 1u) / 4u * 4u);
  let channels = i32(z * p.x_z);

  let q0 = min(row + 0u, rows - 1u);
  let i0 = channels + i32(q0 % p.IG);
  let kw0 = q0 / p.IG % p.KW;
  let kh0 = q0 / p.IG / p.KW;
  let q1 = min(row + 1u, rows - 1u);
  let i1 = channels + i32(q1 % p.IG);
  let kw1 = q1 / p.IG % p.KW;
  let kh1 = q1 / p.IG / p.KW;
  let q2 = min(row + 2u, rows - 1u);
  let i2 = channels + i32(q2 % p.IG);
  let kw2 = q2 / p.IG % p.KW;
  let kh2 = q2 / p.IG / p.KW;
  let q3 = min(row + 3u, rows - 1u);
  let i3 = channels + i32(q3 % p.IG);
  let kw3 = q3 / p.IG % p.KW;
  let kh3 = q3 / p.IG / p.KW;
  let q4 = min(row + 4u, rows - 1u);
  let i4 = channels + i32(q4 % p.IG);
  let kw4 = q4 / p.IG % p.KW;
  let kh4 = q4 / p.IG / p.KW;
  let q5 = min(row + 5u, rows - 1u);
  let i5 = channels + i32(q5 % p.IG);
  let kw5 = q5 / p.IG % p.KW;
  let kh5 = q5 / p.IG / p.KW;
  let q6 = min(row + 6u, rows - 1u);
  let i6 = channels + i32(q6 % p.IG);
  let kw6 = q6 / p.IG % p.KW;
  let kh6 = q6 / p.IG / p.KW;
  let q7 = min(row + 7u, rows - 1u);
  let i7 = channels + i32(q7 % p.IG);
  let kw7 = q7 / p.IG % p.KW;
  let kh7 = q7 / p.IG / p.KW;
  let q8 = min(row + 8u, rows - 1u);
  let i8 = channels + i32(q8 % p.IG);
  let kw8 = q8 / p.IG % p.KW;
  let kh8 = q8 / p.IG / p.KW;
  let q9 = min(row + 9u, rows - 1u);
  let i9 = channels + i32(q9 % p.IG);
  let kw9 = q9 / p.IG % p.KW;
  let kh9 = q9 / p.IG / p.KW;
  let q10 = min(row + 10u, rows - 1u);
  let i10 = channels + i32(q10 % p.IG);
  let kw10 = q10 / p.IG % p.KW;
  let kh10 = q10 / p.IG / p.KW;
  let q11 = min(row + 11u, rows - 1u);
  let i11 = channels + i32(q11 % p.IG);
  let kw11 = q11 / p.IG % p.KW;
  let kh11 = q11 / p.IG / p.KW;
  let q12 = min(row + 12u, rows - 1u);
  let i12 = channels + i32(q12 % p.IG);
  let kw12 = q12 / p.IG % p.KW;
  let kh12 = q12 / p.IG / p.KW;
  let q13 = min(row + 13u, rows - 1u);
  let i13 = channels + i32(q13 % p.IG);
  let kw13 = q13 / p.IG % p.KW;
  let kh13 = q13 / p.IG / p.KW;
  let q14 = min(row + 14u, rows - 1u);
  let i14 = channels + i32(q14 % p.IG);
  let kw14 = q14 / p.IG % p.KW;
  let kh14 = q14 / p.IG / p.KW;
  let q15 = min(row + 15u, rows - 1u);
  let i15 = channels + i32(q15 % p.IG);
  let kw15 = q15 / p.IG % p.KW;
  let kh15 = q15 / p.IG / p.KW;
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
  let end = min((part + 1u) * p.split, p.M);
  for (var first = part * p.split; first < end; first += 2u) {
    // Past the last pixel the left values are zeros, so that nothing needs a branch.
    let inside = first + (lane & 1u) < end;
    let m = min(first + (lane & 1u), end - 1u);
    let source = source_of(m);
    let b0 = load_dy(m, safe_column, z);
    let b1 = load_dy(min(first + ((lane & 1u) ^ 1u), end - 1u), safe_column, z);
    let at0 = source_offset(source, kh0, kw0);
    let a0 = select(0.0, f32(x[max(at0, 0) + i0]), (at0 >= 0) & inside);
    c0 = fma(vec4f(a0), b0, c0);
    c0 = fma(vec4f(quadSwapX(a0)), b1, c0);
    let at1 = source_again(at0, source, kh1, kw1);
    let a1 = select(0.0, f32(x[max(at1, 0) + i1]), (at1 >= 0) & inside);
    c1 = fma(vec4f(a1), b0, c1);
    c1 = fma(vec4f(quadSwapX(a1)), b1, c1);
    let at2 = source_again(at0, source, kh2, kw2);
    let a2 = select(0.0, f32(x[max(at2, 0) + i2]), (at2 >= 0) & inside);
    c2 = fma(vec4f(a2), b0, c2);
    c2 = fma(vec4f(quadSwapX(a2)), b1, c2);
    let at3 = source_again(at0, source, kh3, kw3);
    let a3 = select(0.0, f32(x[max(at3, 0) + i3]), (at3 >= 0) & inside);
    c3 = fma(vec4f(a3), b0, c3);
    c3 = fma(vec4f(quadSwapX(a3)), b1, c3);
    let at4 = source_again(at0, source, kh4, kw4);
    let a4 = select(0.0, f32(x[max(at4, 0) + i4]), (at4 >= 0) & inside);
    c4 = fma(vec4f(a4), b0, c4);
    c4 = fma(vec4f(quadSwapX(a4)), b1, c4);
    let at5 = source_again(at0, source, kh5, kw5);
    let a5 = select(0.0, f32(x[max(at5, 0) + i5]), (at5 >= 0) & inside);
    c5 = fma(vec4f(a5), b0, c5);
    c5 = fma(vec4f(quadSwapX(a5)), b1, c5);
    let at6 = source_again(at0, source, kh6, kw6);
    let a6 = select(0.0, f32(x[max(at6, 0) + i6]), (at6 >= 0) & inside);
    c6 = fma(vec4f(a6), b0, c6);
    c6 = fma(vec4f(quadSwapX(a6)), b1, c6);
    let at7 = source_again(at0, source, kh7, kw7);
    let a7 = select(0.0, f32(x[max(at7, 0) + i7]), (at7 >= 0) & inside);
    c7 = fma(vec4f(a7), b0, c7);
    c7 = fma(vec4f(quadSwapX(a7)), b1, c7);
    let at8 = source_again(at0, source, kh8, kw8);
    let a8 = select(0.0, f32(x[max(at8, 0) + i8]), (at8 >= 0) & inside);
    c8 = fma(vec4f(a8), b0, c8);
    c8 = fma(vec4f(quadSwapX(a8)), b1, c8);
    let at9 = source_again(at0, source, kh9, kw9);
    let a9 = select(0.0, f32(x[max(at9, 0) + i9]), (at9 >= 0) & inside);
    c9 = fma(vec4f(a9), b0, c9);
    c9 = fma(vec4f(quadSwapX(a9)), b1, c9);
    let at10 = source_again(at0, source, kh10, kw10);
    let a10 = select(0.0, f32(x[max(at10, 0) + i10]), (at10 >= 0) & inside);
    c10 = fma(vec4f(a10), b0, c10);
    c10 = fma(vec4f(quadSwapX(a10)), b1, c10);
    let at11 = source_again(at0, source, kh11, kw11);
    let a11 = select(0.0, f32(x[max(at11, 0) + i11]), (at11 >= 0) & inside);
    c11 = fma(vec4f(a11), b0, c11);
    c11 = fma(vec4f(quadSwapX(a11)), b1, c11);
    let at12 = source_again(at0, source, kh12, kw12);
    let a12 = select(0.0, f32(x[max(at12, 0) + i12]), (at12 >= 0) & inside);
    c12 = fma(vec4f(a12), b0, c12);
    c12 = fma(vec4f(quadSwapX(a12)), b1, c12);
    let at13 = source_again(at0, source, kh13, kw13);
    let a13 = select(0.0, f32(x[max(at13, 0) + i13]), (at13 >= 0) & inside);
    c13 = fma(vec4f(a13), b0, c13);
    c13 = fma(vec4f(quadSwapX(a13)), b1, c13);
    let at14 = source_again(at0, source, kh14, kw14);
    let a14 = select(0.0, f32(x[max(at14, 0) + i14]), (at14 >= 0) & inside);
    c14 = fma(vec4f(a14), b0, c14);
    c14 = fma(vec4f(quadSwapX(a14)), b1, c14);
    let at15 = source_again(at0, source, kh15, kw15);
    let a15 = select(0.0, f32(x[max(at15, 0) + i15]), (at15 >= 0) & inside);
    c15 = fma(vec4f(a15), b0, c15);
    c15 = fma(vec4f(quadSwapX(a15)), b1, c15);
  }
  if (column < p.OG) {
    if (row + 0u < rows) { store_part(part, row + 0u, column, z, c0); }
    if (row + 1u < rows) { store_part(part, row + 1u, column, z, c1); }
    if (row + 2u < rows) { store_part(part, row + 2u, column, z, c2); }
    if (row + 3u < rows) { store_part(part, row + 3u, column, z, c3); }
    if (row + 4u < rows) { store_part(part, row + 4u, column, z, c4); }
    if (row + 5u < rows) { store_part(part, row + 5u, column, z, c5); }
    if (row + 6u < rows) { store_part(part, row + 6u, column, z, c6); }
    if (row + 7u < rows) { store_part(part, row + 7u, column, z, c7); }
    if (row + 8u < rows) { store_part(part, row + 8u, column, z, c8); }
    if (row + 9u < rows) { store_part(part, row + 9u, column, z, c9); }
    if (row + 10u < rows) { store_part(part, row + 10u, column, z, c10); }
    if (row + 11u < rows) { store_part(part, row + 11u, column, z, c11); }
    if (row + 12u < rows) { store_part(part, row + 12u, column, z, c12); }
    if (row + 13u < rows) { store_part(part, row + 13u, column, z, c13); }
    if (row + 14u < rows) { store_part(part, row + 14u, column, z, c14); }
    if (row + 15u < rows) { store_part(part, row + 15u, column, z, c15); }
  }
}
