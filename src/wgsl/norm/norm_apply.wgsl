// norm_apply.wgsl: y = (x - mean) * invstd * weight + bias, x [rows, positions, channels], with one mean per group.
// One invocation owns 1 or 4 channels of one chunk of positions, so that it loads their weight, bias and statistics
// once; nothing is shared. With PER_POSITION every position is a row of its own (p.row positions of x per row) and has
// its own statistics. Reads x once, writes y once.
// needs: A, PER_POSITION, WIDTH, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   chunk_of from chunk.wgsl; invstd_of, mean_of from norm_stats_1.wgsl | norm_stats_4.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,
  positions: u32,
  chunks: u32,
  channels: u32,    // in X
  groups: u32,
  depth: u32,       // channels per group
  row: u32,         // positions with the same statistics, where PER_POSITION
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> invstd: array<f32>;
@group(0) @binding(4) var<storage, read> weight: array<A>;
@group(0) @binding(5) var<storage, read> bias: array<A>;
@group(0) @binding(6) var<storage, read_write> y: array<X>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let rest = i / p.channels;
  let c = i - rest * p.channels;
  let row = rest / p.chunks;
  let chunk = chunk_of(row, rest - row * p.chunks, c);
  let w = weight[c];
  let b = bias[c];
  var m = mean_of(row, c);
  var scale = invstd_of(row, c) * w;
  for (var at = chunk.begin; at < chunk.end; at += chunk.step) {
    if (PER_POSITION) {
      let r = at / (p.row * p.channels);
      m = mean_of(r, c);
      scale = invstd_of(r, c) * w;
    }
    y[at] = X(epilogue((A(x[at]) - m) * scale + b, at * WIDTH));
  }
}
