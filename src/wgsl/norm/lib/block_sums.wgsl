// block_sums.wgsl: what a workgroup owns, p.lanes times 1 or 4 channels of a chunk of the positions of a row, what of that its
// invocations own, and sums over them.
// needs: ACROSS, Q from header; row_first, row_length from row_equal.wgsl | row_levels.wgsl;
//   p.blocks, p.channels, p.chunks, p.lanes from norm_block_moments.wgsl | norm_block_apply.wgsl |
//     norm_block_backward_moments.wgsl | norm_block_backward_apply.wgsl

struct Piece {
  row: u32,
  chunk: u32,
  c: u32,       // its first channel, in X
  size: u32,    // positions of a chunk; the last may have less
  length: u32,  // of the row
}

fn piece_of(o: u32) -> Piece {
  let rest = o / p.chunks;
  let row = rest / p.blocks;
  let c = (rest - row * p.blocks) * p.lanes;
  let length = row_length(row);
  return Piece(row, o - rest * p.chunks, c, (length + p.chunks - 1u) / p.chunks, length);
}

// Chunks of a row that have positions: where rows are unequal, a short one may have less.
fn chunks_of(piece: Piece) -> u32 { return (piece.length + piece.size - 1u) / piece.size; }

fn positions_of(piece: Piece, chunk: u32) -> u32 {
  let first = chunk * piece.size;
  return min(piece.size, max(piece.length, first) - first);
}

// The first element of x that an invocation owns, and where those of its channel end. It takes every (ACROSS / p.lanes)-th position.
fn begin_of(piece: Piece, own: u32) -> u32 {
  let first = row_first(piece.row) + piece.chunk * piece.size;
  return (first + own / p.lanes) * p.channels + piece.c + own % p.lanes;
}

fn end_of(piece: Piece) -> u32 {
  let first = row_first(piece.row) + piece.chunk * piece.size;
  return (first + positions_of(piece, piece.chunk)) * p.channels;
}

var<workgroup> block_sums: array<Q, ACROSS>;

// The sum over the invocations of so many neighbouring channels. All invocations of a workgroup must call this.
fn sum_of_block(v: Q, own: u32, depth: u32) -> Q {
  block_sums[own] = v;
  for (var left = ACROSS / p.lanes; left > 1u;) {
    let half = (left + 1u) / 2u;
    workgroupBarrier();
    if (own < (left - half) * p.lanes) { block_sums[own] += block_sums[own + half * p.lanes]; }
    left = half;
  }
  workgroupBarrier();
  let lane = own % p.lanes;
  var sum = Q(0.0);
  for (var k = 0u; k < depth; k++) { sum += block_sums[lane - lane % depth + k]; }
  workgroupBarrier();
  return sum;
}
