// winograd_output.wgsl: RESULTS^2 pixels of y = A^T m A from the products m[k, tile, o], plus the bias.
// One invocation owns four channels of one tile; nothing is shared. Reads POINTS^2 products, writes RESULTS^2 pixels.
// needs: T, UNROLLED, V, WORKGROUP from header; invocation_index from grid.wgsl;
//   bias from depthwise_bias.wgsl | depthwise_bias_none.wgsl;
//   POINTS, RESULTS, to_output from winograd_2.wgsl | winograd_4.wgsl;
//   begin_channels, epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,      // invocations: tiles * channels
  channels: u32,   // in fours
  OH: u32, OW: u32,
  tiles_h: u32,
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
  let tile = p.first + local;
  let row = tile / p.tiles_w;
  let n = row / p.tiles_h;
  let top = (row - n * p.tiles_h) * u32(RESULTS);
  let left = (tile - row * p.tiles_w) * u32(RESULTS);
  // GPUs keep an array in registers only where loops over it are unrolled. Software adapters take seconds to compile those, so
  // there the bounds are parameters.
  let points = select(p.points, u32(POINTS), UNROLLED);
  let rows = select(min(p.results, p.OH - top), u32(RESULTS), UNROLLED);
  let columns = select(min(p.results, p.OW - left), u32(RESULTS), UNROLLED);
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
      if (UNROLLED && (top + h >= p.OH || left + w >= p.OW)) { continue; }
      let at = ((n * p.OH + top + h) * p.OW + left + w) * p.channels + c;
      y[at] = T(epilogue(pixels[w] + added, at * 4u));
    }
  }
}
