// norm_apply.wgsl: y = (x - mean) * invstd * weight + bias, x [rows, positions, channels], with one mean per group.
// One invocation owns 1 or 4 channels of one chunk of positions, so that it loads their weight, bias and statistics
// once; nothing is shared. With PER_POSITION every position is a row of its own (p.row positions of x per row) and has
// its own statistics. Reads x once, writes y once.
// needs: A, PER_POSITION, WIDTH, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   chunk_begin, chunk_end, chunk_step from chunk.wgsl; invstd_of, mean_of from norm_stats_1.wgsl | norm_stats_4.wgsl;
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
  let chunk = rest - row * p.chunks;
  let step = chunk_step(p.chunks);
  let end = chunk_end(chunk, p.chunks, p.positions);
  let base = row * p.positions * p.channels + c;
  let w = weight[c];
  let b = bias[c];
  if (PER_POSITION) {
    for (var at = chunk_begin(chunk, p.chunks, p.positions); at < end; at += step) {
      let r = at / p.row;
      let e = base + at * p.channels;
      let v = (A(x[e]) - mean_of(r, c)) * (invstd_of(r, c) * w) + b;
      y[e] = X(epilogue(v, e * WIDTH));
    }
  } else {
    let m = mean_of(row, c);
    let scale = invstd_of(row, c) * w;
    for (var at = chunk_begin(chunk, p.chunks, p.positions); at < end; at += step) {
      let e = base + at * p.channels;
      y[e] = X(epilogue((A(x[e]) - m) * scale + b, e * WIDTH));
    }
  }
}
