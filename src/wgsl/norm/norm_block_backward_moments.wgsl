// norm_block_backward_moments.wgsl: sums of dy and dy * xhat of each channel over a chunk of positions, where xhat = (x - mean) *
// invstd.
// Invocations as in norm_block_moments.wgsl. Reads dy and x once, writes two values a channel and chunk.
// needs: A, ACROSS, S, X from header; first_of from first_dy.wgsl | firstParts.ts;
//   begin_of, chunks_of, end_of, piece_of, sum_of_block from block_sums.wgsl

struct Params {
  total: u32,       // chunks of all blocks of all rows
  positions: u32,   // of an image
  channels: u32,    // of a row, in X
  chunks: u32,      // of a row
  lanes: u32,       // channels of a block, in X
  blocks: u32,      // of a row
  depth: u32,       // of a group, in X
  splits: u32,      // parts of dy, where it is a sum of them, and
  elements: u32,    // X in each
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> mean: array<S>;
@group(0) @binding(4) var<storage, read> invstd: array<S>;
@group(0) @binding(5) var<storage, read_write> partials: array<A>;

@compute @workgroup_size(ACROSS)
fn main(
  @builtin(local_invocation_index) own: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = group.y * groups.x + group.x;
  if (o >= p.total) { return; }
  let piece = piece_of(o);
  let c = piece.c + own % p.lanes;
  let g = (piece.row * p.channels + c) / p.depth;
  let m = mean[g];
  let end = end_of(piece);
  var sum = A(0.0);
  var sum_xhat = A(0.0);
  for (var at = begin_of(piece, own); at < end; at += ACROSS / p.lanes * p.channels) {
    let d = first_of(at);
    sum += d;
    sum_xhat += d * (A(x[at]) - m);
  }
  sum = sum_of_block(sum, own, 1u);
  sum_xhat = sum_of_block(sum_xhat, own, 1u);
  if (own < p.lanes && piece.chunk < chunks_of(piece)) {
    let i = ((piece.row * p.chunks + piece.chunk) * p.channels + c) * 2u;
    partials[i] = sum;
    partials[i + 1u] = sum_xhat * invstd[g];
  }
}
