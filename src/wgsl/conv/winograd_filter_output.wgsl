// winograd_filter_output.wgsl: dw = G^T m G from the products m[part, c, k, o], the parts added in order (Lavin and
// Gray 2016, §4: with x and dy transformed, the gradient of their F(2x2, 3x3)).
// One invocation owns four result channels of one source channel; nothing is shared. Reads POINTS^2 products per part,
// writes the 9 weights.
// needs: T, UNROLLED, V, WORKGROUP from header; invocation_index from grid.wgsl; POINTS, to_weight from winograd_2.wgsl

struct Params {
  total: u32,      // invocations: source channels * columns
  columns: u32,    // result channels, in fours
  parts: u32,
  points: u32,     // POINTS
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> m: array<V>;
@group(0) @binding(2) var<storage, read_write> dw: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let points = u32(POINTS * POINTS);
  let c = i / p.columns;
  let first = c * points * p.columns + i - c * p.columns;
  // As in winograd_output.wgsl.
  let columns = select(p.points, u32(POINTS), UNROLLED);
  var sums: array<array<V, POINTS>, POINTS>;
  for (var part = 0u; part < p.parts; part++) {
    for (var b = 0u; b < columns; b++) {
      for (var a = 0; a < POINTS; a++) {
        sums[b][a] += m[first + part * p.total * points + (u32(a * POINTS) + b) * p.columns];
      }
    }
  }
  var lines: array<array<V, 3>, POINTS>;
  for (var b = 0; b < POINTS; b++) { lines[b] = to_weight(sums[b]); }
  for (var a = 0; a < 3; a++) {
    var d: array<V, POINTS>;
    for (var b = 0; b < POINTS; b++) { d[b] = lines[b][a]; }
    let row = to_weight(d);
    for (var b = 0; b < 3; b++) { dw[u32(a * 3 + b) * p.total + i] = T(row[b]); }
  }
}
