// winograd_weight.wgsl: u[k, c, o] = (G g G^T)[k], where g is the 3x3 filter from source channel c to result channel o
// (Lavin and Gray 2016, Fast Algorithms for Convolutional Neural Networks, §4.1).
// One invocation owns one source channel and four result channels; nothing is shared. 16 neighbours take neighbouring
// source channels, and the next 16 the next results, so that both layouts of the weight are read by the cache line, and
// the POINTS^2 rows that are written, a power of two apart, fall into different sets of a CPU's cache. Reads 9 V,
// writes POINTS^2.
// needs: PACKED, V, WORKGROUP from header; invocation_index from grid.wgsl;
//   POINTS, of_weight from winograd_2.wgsl | winograd_4.wgsl; load from winograd_direct.wgsl | winograd_turned.wgsl

struct Params {
  total: u32,      // invocations: source channels, rounded up to a multiple of 16, times columns
  channels: u32,   // source channels
  columns: u32,    // result channels, in fours
  block: u32,      // of them, those that lie together where PACKED
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(2) var<storage, read_write> u: array<V>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  let chunk = i / 16u / p.columns;
  let c = chunk * 16u + i % 16u;
  let column = i / 16u - chunk * p.columns;
  if ((i >= p.total) | (c >= p.channels)) { return; }
  let packed = (column / p.block * p.channels + c) * p.block + column % p.block;
  var lines: array<array<V, POINTS>, 3>;
  for (var b = 0u; b < 3u; b++) {
    var g: array<V, 3>;
    for (var a = 0u; a < 3u; a++) { g[a] = load(a * 3u + b, c, column); }
    lines[b] = of_weight(g);
  }
  for (var a = 0; a < POINTS; a++) {
    let row = of_weight(array(lines[0][a], lines[1][a], lines[2][a]));
    for (var b = 0; b < POINTS; b++) {
      let first = u32(a * POINTS + b) * p.channels;
      u[select((first + c) * p.columns + column, first * p.columns + packed, PACKED)] = row[b];
    }
  }
}
