// norm_block_backward_apply.wgsl: dx = invstd * (weight * dy - mean(weight * dy) - xhat * mean(weight * dy * xhat)), from the sums of
// the chunks of norm_block_backward_moments.wgsl, which each workgroup adds up for its own groups.
// Invocations as there; a block has whole groups. The workgroup of a block's first chunk of the first row adds up those of all rows:
// the gradients of bias and weight. Reads dy and x once, and the sums of a block as many times as it has chunks; writes dx once.
// needs: A, ACROSS, S, X from header; row_length from row_equal.wgsl | row_levels.wgsl;
//   begin_of, chunks_of, end_of, piece_of, sum_of_block from block_sums.wgsl;
//   sum_of_channel from whole_channel_sums.wgsl; total_across from across_1.wgsl | across_4.wgsl | channels_apart.wgsl

struct Params {
  total: u32,       // chunks of all blocks of all rows
  rows: u32,
  positions: u32,   // of an image
  channels: u32,    // of a row, in X
  chunks: u32,      // of a row
  lanes: u32,       // channels of a block, in X
  blocks: u32,      // of a row
  depth: u32,       // of a group, in X
  each: u32,        // elements of a group at a position
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> x: array<X>;
@group(0) @binding(3) var<storage, read> weight: array<A>;
@group(0) @binding(4) var<storage, read> mean: array<S>;
@group(0) @binding(5) var<storage, read> invstd: array<S>;
@group(0) @binding(6) var<storage, read> partials: array<A>;
@group(0) @binding(7) var<storage, read_write> dbias: array<A>;
@group(0) @binding(8) var<storage, read_write> dweight: array<A>;
@group(0) @binding(9) var<storage, read_write> dx: array<X>;

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
  let slots = ACROSS / p.lanes;

  if (o % p.chunks == 0u && o / p.chunks < p.blocks) {
    var sum = A(0.0);
    var sum_xhat = A(0.0);
    for (var row = 0u; row < p.rows; row++) {
      let length = row_length(row);
      let size = (length + p.chunks - 1u) / p.chunks;
      for (var chunk = own / p.lanes; chunk * size < length; chunk += slots) {
        let i = ((row * p.chunks + chunk) * p.channels + c) * 2u;
        sum += partials[i];
        sum_xhat += partials[i + 1u];
      }
    }
    sum = sum_of_channel(sum, own, p.lanes);
    sum_xhat = sum_of_channel(sum_xhat, own, p.lanes);
    if (own < p.lanes) {
      dbias[c] = sum;
      dweight[c] = sum_xhat;
    }
  }

  var sum = A(0.0);
  var sum_xhat = A(0.0);
  for (var chunk = own / p.lanes; chunk < used; chunk += slots) {
    let i = ((piece.row * p.chunks + chunk) * p.channels + c) * 2u;
    sum += partials[i];
    sum_xhat += partials[i + 1u];
  }
  let g = (piece.row * p.channels + c) / p.depth;
  let m = mean[g];
  let inv = invstd[g];
  let w = weight[c];
  let factor = inv / f32(piece.length * p.each);
  let level = sum_of_block(total_across(w * sum), own, p.depth) * factor;
  let slope = sum_of_block(total_across(w * sum_xhat), own, p.depth) * inv * factor;
  let scale = inv * w;
  let end = end_of(piece);
  let last = end - p.channels + c;
  let step = slots * p.channels;
  // Two at a time, so that they wait for their loads together: no load passes a store.
  for (var at = begin_of(piece, own); at < end; at += 2u * step) {
    let at1 = at + step;
    let d = A(dy[at]);
    let v = A(x[at]);
    let d1 = A(dy[min(at1, last)]);
    let v1 = A(x[min(at1, last)]);
    dx[at] = X(scale * d - level - slope * (v - m));
    if (at1 < end) { dx[at1] = X(scale * d1 - level - slope * (v1 - m)); }
  }
}
