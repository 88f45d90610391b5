// norm_block_moments.wgsl: mean and sum of squared deviations of each channel over a chunk of positions, x [rows, positions,
// channels].
// A workgroup of ACROSS invocations owns p.lanes times 1 or 4 channels of a chunk of a row. An invocation takes its values relative to
// its first, and all relative to the mean of one of them, so that squares do not cancel. Reads x once, writes two values a
// channel and chunk.
// needs: A, ACROSS, X from header; first_of from first_x.wgsl | firstParts.ts;
//   begin_of, block_sums, chunks_of, end_of, piece_of, positions_of, sum_of_block from block_sums.wgsl

struct Params {
  total: u32,       // chunks of all blocks of all rows
  positions: u32,   // of an image
  channels: u32,    // of a row, in X
  chunks: u32,      // of a row
  lanes: u32,       // channels of a block, in X
  blocks: u32,      // of a row
  splits: u32,      // parts of x, where it is a sum of them, and
  elements: u32,    // X in each
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> partials: array<A>;

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
  let begin = begin_of(piece, own);
  let end = end_of(piece);
  let step = ACROSS / p.lanes * p.channels;

  var shift = A(0.0);
  var sum = A(0.0);
  var squares = A(0.0);
  var count = 0.0;
  for (var at = begin; at < end; at += step) {
    let v = first_of(at);
    if (at == begin) { shift = v; }
    let d = v - shift;
    sum += d;
    squares += d * d;
    count += 1.0;
  }
  let mean = sum / max(count, 1.0);
  squares = max(squares - sum * mean, A(0.0));
  block_sums[own] = shift + mean;
  workgroupBarrier();
  let near = block_sums[own % p.lanes];
  workgroupBarrier();
  let d = shift + mean - near;
  let all = f32(positions_of(piece, piece.chunk));
  let off = sum_of_block(count * d, own, 1u) / all;
  squares = sum_of_block(squares + count * d * d, own, 1u) - all * off * off;
  if (own < p.lanes && piece.chunk < chunks_of(piece)) {
    let i = ((piece.row * p.chunks + piece.chunk) * p.channels + c) * 2u;
    partials[i] = near + off;
    partials[i + 1u] = max(squares, A(0.0));
  }
}
