// norm_block_apply.wgsl: y = (x - mean) * invstd * weight + bias, x [rows, positions, channels], from the moments of the chunks of
// norm_block_moments.wgsl, which each workgroup combines for its own groups.
// Invocations as there; a block has whole groups. The workgroup of a block's first chunk stores the statistics. Reads x once, and the
// moments of a block as many times as it has chunks; writes y once.
// needs: A, ACROSS, S, WIDTH, X from header;
//   begin_of, chunks_of, end_of, piece_of, positions_of, sum_of_block from block_sums.wgsl;
//   total_across from across_1.wgsl | across_4.wgsl | channels_apart.wgsl;
//   finish_each from norm_finish_each_1.wgsl | norm_finish_each_4.wgsl; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,       // chunks of all blocks of all rows
  positions: u32,   // of an image
  channels: u32,    // of a row, in X
  chunks: u32,      // of a row
  lanes: u32,       // channels of a block, in X
  blocks: u32,      // of a row
  depth: u32,       // of a group, in X
  each: u32,        // elements of a group at a position
  eps: f32,
  momentum: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;
@group(0) @binding(9) var<storage, read> weight: array<A>;
@group(0) @binding(10) var<storage, read> bias: array<A>;
@group(0) @binding(12) var<storage, read> partials: array<A>;

@compute @workgroup_size(ACROSS)
fn main(
  @builtin(local_invocation_index) own: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = group.y * groups.x + group.x;
  if (o >= p.total) { return; }
  let piece = piece_of(o);
  let used = chunks_of(piece);
  let c = piece.c + own % p.lanes;

  let base = piece.row * p.chunks * p.channels;
  let near = total_across(partials[(base + c - c % p.depth) * 2u]) / total_across(A(1.0));
  var sum = S(0.0);
  var squares = S(0.0);
  for (var chunk = own / p.lanes; chunk < used; chunk += ACROSS / p.lanes) {
    let i = (base + chunk * p.channels + c) * 2u;
    let count = f32(positions_of(piece, chunk));
    let d = partials[i] - near;
    sum += total_across(count * d);
    squares += total_across(count * d * d + partials[i + 1u]);
  }
  let count = f32(piece.length * p.each);
  let off = sum_of_block(sum, own, p.depth) / count;
  let variance = max(sum_of_block(squares, own, p.depth) / count - off * off, S(0.0));
  let mean = near + off;
  if (piece.chunk == 0u && own < p.lanes && c % p.depth == 0u) {
    finish_each((piece.row * p.channels + c) / p.depth, mean, variance, count);
  }

  let scale = weight[c] / sqrt(variance + p.eps);
  let shift = bias[c];
  let end = end_of(piece);
  let last = end - p.channels + c;
  let step = ACROSS / p.lanes * p.channels;
  // Four at a time, so that they wait for their loads together: no load passes a store.
  for (var at = begin_of(piece, own); at < end; at += 4u * step) {
    let at1 = at + step;
    let at2 = at1 + step;
    let at3 = at2 + step;
    let v = A(x[at]);
    let v1 = A(x[min(at1, last)]);
    let v2 = A(x[min(at2, last)]);
    let v3 = A(x[min(at3, last)]);
    y[at] = X(epilogue((v - mean) * scale + shift, at * WIDTH));
    if (at1 < end) { y[at1] = X(epilogue((v1 - mean) * scale + shift, at1 * WIDTH)); }
    if (at2 < end) { y[at2] = X(epilogue((v2 - mean) * scale + shift, at2 * WIDTH)); }
    if (at3 < end) { y[at3] = X(epilogue((v3 - mean) * scale + shift, at3 * WIDTH)); }
  }
}
