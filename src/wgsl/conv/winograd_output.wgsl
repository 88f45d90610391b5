// winograd_output.wgsl: RESULTS^2 pixels of y = A^T m A from the products m[k, tile, o], plus the bias.
// One invocation owns four channels of one tile; nothing is shared. Reads POINTS^2 products, writes RESULTS^2 pixels.
// needs: T, UNROLLED, V, WORKGROUP from header; invocation_index from grid.wgsl;
//   bias from depthwise_bias.wgsl | depthwise_bias_none.wgsl;
//   POINTS, RESULTS, to_output from winograd_2.wgsl | winograd_4.wgsl;
//   tile_at from tiles_image.wgsl | tiles_levels.wgsl; begin_channels, epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,      // invocations: tiles * channels
  channels: u32,   // in fours
  H: i32, W: i32,
  tiles: u32,      // of an image, and in one line of them
  tiles_w: u32,
  first: u32,      // the first tile, of all images
  points: u32,     // POINTS and RESULTS
  results: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> m: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let local = i / p.channels;
  let c = i - local * p.channels;
  let tile = tile_at(p.first + local);
  let top = u32(tile.row * RESULTS);
  let left = u32(tile.column * RESULTS);
  let height = u32(tile.height);
  let width = u32(tile.width);
  // GPUs keep an array in registers only where loops over it are unrolled. Software adapters take seconds to compile those, so
  // there the bounds are parameters.
  let points = select(p.points, u32(POINTS), UNROLLED);
  let rows = select(min(p.results, height - top), u32(RESULTS), UNROLLED);
  let columns = select(min(p.results, width - left), u32(RESULTS), UNROLLED);
  var lines: array<array<V, RESULTS>, POINTS>;
  for (var b = 0u; b < points; b++) {
    var d: array<V, POINTS>;
    for (var a = 0; a < POINTS; a++) { d[a] = m[u32(a * POINTS) * p.total + b * p.total + i]; }
    lines[b] = to_output(d);
  }
  let added = bias(c);
  begin_channels(c * 4u);
  for (var h = 0u; h < rows; h++) {
    var d: array<V, POINTS>;
    for (var b = 0; b < POINTS; b++) { d[b] = lines[b][h]; }
    var pixels = to_output(d);
    for (var w = 0u; w < columns; w++) {
      if (UNROLLED && (top + h >= height || left + w >= width)) { continue; }
      let at = (u32(tile.first) + (top + h) * width + left + w) * p.channels + c;
      y[at] = T(epilogue(pixels[w] + added, at * 4u));
    }
  }
}
