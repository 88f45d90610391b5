// winograd_input.wgsl: v[k, tile, c] = (B^T d B)[k], d being the tile of x that RESULTS^2 pixels of y are made of.
// One invocation owns four channels of one tile. Reads POINTS^2 of x (its neighbours read most of them, too), writes
// as many.

struct Params {
  total: u32,      // invocations: tiles * channels
  channels: u32,   // in fours
  H: i32, W: i32,
  PH: i32, PW: i32,
  tiles_h: u32,
  tiles_w: u32,
  first: u32,      // the first tile, of all images
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> v: array<V>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let local = i / p.channels;
  let c = i - local * p.channels;
  let tile = p.first + local;
  let row = tile / p.tiles_w;
  let n = row / p.tiles_h;
  let top = i32(row - n * p.tiles_h) * RESULTS - p.PH;
  let left = i32(tile - row * p.tiles_w) * RESULTS - p.PW;
  let image = i32(n) * p.H;
  var lines: array<array<V, POINTS>, POINTS>;
  for (var b = 0; b < POINTS; b++) {
    var d: array<V, POINTS>;
    let w = left + b;
    for (var a = 0; a < POINTS; a++) {
      let h = top + a;
      let inside = (h >= 0) & (h < p.H) & (w >= 0) & (w < p.W);
      let at = select(0u, u32((image + h) * p.W + w) * p.channels + c, inside);
      d[a] = select(V(0.0), V(x[at]), inside);
    }
    lines[b] = of_input(d);
  }
  for (var a = 0; a < POINTS; a++) {
    var d: array<V, POINTS>;
    for (var b = 0; b < POINTS; b++) { d[b] = lines[b][a]; }
    let row_of = of_input(d);
    for (var b = 0; b < POINTS; b++) {
      v[u32(a * POINTS + b) * p.total + i] = row_of[b];
    }
  }
}
