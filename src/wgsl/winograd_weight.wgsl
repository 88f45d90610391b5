// winograd_weight.wgsl: u[k, c, o] = (G g G^T)[k], g being the 3x3 filter from source channel c to result channel o
// (Lavin and Gray 2016, Fast Algorithms for Convolutional Neural Networks, §4.1).
// One invocation owns one channel pair, four of them where result channels are neighbours in memory (FLIPPED: source
// channels are, as a transposed convolution reads its weight, and the filter is turned around). Reads 9 V, writes
// POINTS^2.

struct Params {
  total: u32,      // pairs, in lanes
  columns: u32,    // result channels, in lanes
  w_tap: u32,      // strides of the weight: tap, source channel, result channel
  w_source: u32,
  w_result: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weight: array<T>;
@group(0) @binding(2) var<storage, read_write> u: array<V>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i / p.columns;
  let first = c * p.w_source + (i - c * p.columns) * p.w_result;
  var lines: array<array<V, POINTS>, 3>;
  for (var b = 0; b < 3; b++) {
    var g: array<V, 3>;
    for (var a = 0; a < 3; a++) {
      let tap = u32(a * 3 + b);
      g[a] = V(weight[first + select(tap, 8u - tap, FLIPPED) * p.w_tap]);
    }
    lines[b] = of_weight(g);
  }
  for (var a = 0; a < POINTS; a++) {
    let row = of_weight(array(lines[0][a], lines[1][a], lines[2][a]));
    for (var b = 0; b < POINTS; b++) {
      u[u32(a * POINTS + b) * p.total + i] = row[b];
    }
  }
}
