// cdist_subgroup8.wgsl: y[n, m] = the Euclidean distance of a[n] and b[m], from differences, for software adapters whose
// subgroups have 8 lanes.
// A workgroup is one subgroup and owns 16 rows of a by 32 rows of b, an invocation 4 of these. Lane l loads value k + l of
// every row of a, and the others get it by shuffles in a loop, as in gemm_subgroup8.wgsl. No shared memory: on a CPU a barrier
// costs more than a load. Reads each value of a once per 32 rows of b, and each value of b, turned, once per 16 rows of a.
// needs: T from header; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  rows: u32,    // rows of a
  count: u32,   // rows of b
  width: u32,   // values per row
  stride: u32,  // values per row of the turned b: count, rounded up to 4
  across: u32,  // workgroups in a row of them
  tiles: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<T>;
@group(0) @binding(2) var<storage, read> turned: array<vec4<T>>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

// Value k of a row; zeros beyond the last one count nothing, since no value of b meets them.
fn value(row: u32, k: u32) -> f32 { return f32(a[min(row, p.rows - 1u) * p.width + min(k, p.width - 1u)]); }

fn add_square(sum: vec4f, v: f32, columns: vec4f) -> vec4f {
  let difference = vec4f(v) - columns;
  return fma(difference, difference, sum);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= p.tiles) { return; }
  let top = tile / p.across * 16u;
  let left = (tile % p.across * 8u + lane) * 4u;
  let column = min(left, p.stride - 4u) / 4u;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  var s8 = vec4f();
  var s9 = vec4f();
  var s10 = vec4f();
  var s11 = vec4f();
  var s12 = vec4f();
  var s13 = vec4f();
  var s14 = vec4f();
  var s15 = vec4f();
  for (var first = 0u; first < p.width; first += 8u) {
    let k = first + lane;
    let a0 = value(top, k);
    let a1 = value(top + 1u, k);
    let a2 = value(top + 2u, k);
    let a3 = value(top + 3u, k);
    let a4 = value(top + 4u, k);
    let a5 = value(top + 5u, k);
    let a6 = value(top + 6u, k);
    let a7 = value(top + 7u, k);
    let a8 = value(top + 8u, k);
    let a9 = value(top + 9u, k);
    let a10 = value(top + 10u, k);
    let a11 = value(top + 11u, k);
    let a12 = value(top + 12u, k);
    let a13 = value(top + 13u, k);
    let a14 = value(top + 14u, k);
    let a15 = value(top + 15u, k);
    for (var l = 0u; l < min(8u, p.width - first); l++) {
      let columns = vec4f(turned[(first + l) * (p.stride / 4u) + column]);
      s0 = add_square(s0, subgroupShuffle(a0, l), columns);
      s1 = add_square(s1, subgroupShuffle(a1, l), columns);
      s2 = add_square(s2, subgroupShuffle(a2, l), columns);
      s3 = add_square(s3, subgroupShuffle(a3, l), columns);
      s4 = add_square(s4, subgroupShuffle(a4, l), columns);
      s5 = add_square(s5, subgroupShuffle(a5, l), columns);
      s6 = add_square(s6, subgroupShuffle(a6, l), columns);
      s7 = add_square(s7, subgroupShuffle(a7, l), columns);
      s8 = add_square(s8, subgroupShuffle(a8, l), columns);
      s9 = add_square(s9, subgroupShuffle(a9, l), columns);
      s10 = add_square(s10, subgroupShuffle(a10, l), columns);
      s11 = add_square(s11, subgroupShuffle(a11, l), columns);
      s12 = add_square(s12, subgroupShuffle(a12, l), columns);
      s13 = add_square(s13, subgroupShuffle(a13, l), columns);
      s14 = add_square(s14, subgroupShuffle(a14, l), columns);
      s15 = add_square(s15, subgroupShuffle(a15, l), columns);
    }
  }
  // A loop that no compiler unrolls, since the fused operations would be compiled 64 times.
  var sums = array(s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15);
  for (var i = 0u; i < min(16u, p.rows - top); i++) {
    let distances = sqrt(sums[i]);
    for (var j = 0u; j < 4u; j++) {
      if (left + j >= p.count) { break; }
      let at = (top + i) * p.count + left + j;
      y[at] = T(epilogue(distances[j], at));
    }
  }
}
