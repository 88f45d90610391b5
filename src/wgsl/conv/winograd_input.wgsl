// winograd_input.wgsl: v[k, tile, c] = (M d M^T)[k] of a tile d: either the tile of x that RESULTS^2 pixels of y depend
// on (winograd_x.wgsl: M = B^T, READ = POINTS), or these pixels of dy (winograd_dy.wgsl: M = A, READ = RESULTS).
// One invocation owns four channels of one tile; nothing is shared. Reads READ^2 pixels (most pixels of x are also read
// by its neighbours), writes POINTS^2.
// needs: T, V, WORKGROUP from header; invocation_index from grid.wgsl;
//   POINTS, RESULTS from winograd_2.wgsl | winograd_4.wgsl; tile_at from tiles_image.wgsl | tiles_levels.wgsl; READ, transform from winograd_dy.wgsl | winograd_x.wgsl

struct Params {
  total: u32,      // invocations: tiles * channels
  channels: u32,   // in fours
  H: i32, W: i32,
  PH: i32, PW: i32,
  tiles: u32,      // of an image, and in one line of them
  tiles_w: u32,
  first: u32,      // the first tile, of all images
  point: u32,      // from one k to the next, and from one tile to the next
  tile: u32,
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
  let tile = tile_at(p.first + local);
  let top = tile.row * RESULTS - p.PH;
  let left = tile.column * RESULTS - p.PW;
  var lines: array<array<V, POINTS>, READ>;
  for (var b = 0; b < READ; b++) {
    var d: array<V, READ>;
    let w = left + b;
    for (var a = 0; a < READ; a++) {
      let h = top + a;
      let inside = (h >= 0) & (h < tile.height) & (w >= 0) & (w < tile.width);
      let at = select(0u, u32(tile.first + h * tile.width + w) * p.channels + c, inside);
      d[a] = select(V(0.0), V(x[at]), inside);
    }
    lines[b] = transform(d);
  }
  for (var a = 0; a < POINTS; a++) {
    var d: array<V, READ>;
    for (var b = 0; b < READ; b++) { d[b] = lines[b][a]; }
    let row_of = transform(d);
    for (var b = 0; b < POINTS; b++) {
      v[u32(a * POINTS + b) * p.point + local * p.tile + c] = row_of[b];
    }
  }
}
