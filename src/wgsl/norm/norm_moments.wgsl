// norm_moments.wgsl: mean and sum of squared deviations of each channel over one chunk of positions.
// One invocation owns 1 or 4 channels of one chunk of one row (image) of x [rows, positions, channels]; nothing is
// shared. Reads x once, writes two values per channel and chunk. Values are taken relative to the first of the chunk,
// so that squares do not cancel however far the mean is from 0: the relative error of the result is at most about
// (positions of a chunk) * 2^-24.
// needs: A, WORKGROUP, X from header; invocation_index from grid.wgsl;
//   chunk_of from chunk.wgsl

struct Params {
  total: u32,
  positions: u32,   // of an image
  chunks: u32,      // of a row
  channels: u32,    // in X
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> means: array<A>;
@group(0) @binding(3) var<storage, read_write> squares: array<A>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let rest = i / p.channels;
  let c = i - rest * p.channels;
  let chunk = chunk_of(rest / p.chunks, rest % p.chunks, c);
  // That of an empty chunk is the last of its row, and counts for nothing.
  let shift = A(x[min(chunk.begin, chunk.end - p.channels)]);
  var sum = A(0.0);
  var sum_squares = A(0.0);
  for (var at = chunk.begin + chunk.step; at < chunk.end; at += chunk.step) {
    let d = A(x[at]) - shift;
    sum += d;
    sum_squares += d * d;
  }
  let mean = sum / f32(max(chunk.count, 1u));
  means[i] = shift + mean;
  squares[i] = max(sum_squares - sum * mean, A(0.0));
}
