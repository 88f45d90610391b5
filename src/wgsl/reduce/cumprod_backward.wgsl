// cumprod_backward.wgsl: dx[k] = y[k - 1] (dy[k] + x[k + 1] (dy[k + 1] + x[k + 2] (dy[k + 2] + …))) of every row.
// One invocation owns one row and goes through it from its end (with REVERSE from its start); nothing is shared. No
// division, so that zeros are exact. Reads x, y and dy once, writes dx once; neighbours own neighbouring rows.
// needs: REVERSE, T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // rows
  n: u32,       // elements per row
  inner: u32,   // distance between the elements of a row: the number of interleaved rows
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> y: array<T>;
@group(0) @binding(3) var<storage, read> dy: array<T>;
@group(0) @binding(4) var<storage, read_write> dx: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let first = (i / p.inner) * p.n * p.inner + i % p.inner;
  // d loss / d y[k], with the contributions of all later elements.
  var arrived = 0.0;
  for (var k = p.n; k > 0u; k--) {
    let at = first + select(k - 1u, p.n - k, REVERSE) * p.inner;
    arrived += f32(dy[at]);
    var before = 1.0;
    if (k > 1u) { before = f32(y[first + select(k - 2u, p.n - k + 1u, REVERSE) * p.inner]); }
    dx[at] = T(before * arrived);
    arrived *= f32(x[at]);
  }
}
