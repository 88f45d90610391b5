// winograd_filter_output.wgsl: dw = G^T m G from the products m[part, c, k, o], the parts added in order (Lavin and
// Gray 2016, §4: with x and dy transformed, the gradient of their F(2x2, 3x3)).
// One invocation owns four result channels of one source channel; nothing is shared. Reads POINTS^2 products per part,
// writes the 9 weights.
// needs: T, V, WORKGROUP from header; invocation_index from grid.wgsl; POINTS, to_weight from winograd_2.wgsl

struct Params {
  total: u32,      // invocations: source channels * columns
  columns: u32,    // result channels, in fours
  parts: u32,
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
  var lines: array<array<V, 3>, POINTS>;
  for (var b = 0; b < POINTS; b++) {
    var d: array<V, POINTS>;
    for (var a = 0; a < POINTS; a++) {
      let at = first + u32(a * POINTS + b) * p.columns;
      var sum = V(0.0);
      for (var part = 0u; part < p.parts; part++) { sum += m[at + part * p.total * points]; }
      d[a] = sum;
    }
    lines[b] = to_weight(d);
  }
  for (var a = 0; a < 3; a++) {
    var d: array<V, POINTS>;
    for (var b = 0; b < POINTS; b++) { d[b] = lines[b][a]; }
    let row = to_weight(d);
    for (var b = 0; b < 3; b++) { dw[u32(a * 3 + b) * p.total + i] = T(row[b]); }
  }
}
