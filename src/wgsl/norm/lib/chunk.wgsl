// chunk.wgsl: how the positions of a row are divided among invocations, so that all kernels that count agree. Of a row that is
// shorter than others, some chunks may be empty.
// needs: INTERLEAVED from header; row_first, row_length from row_equal.wgsl | row_levels.wgsl;
//   p.channels, p.chunks from norm_apply.wgsl | norm_backward_apply.wgsl | norm_backward_moments.wgsl |
//     norm_combine.wgsl | norm_moments.wgsl

// Elements of a channel in x: every step-th from begin on, before end.
struct Chunk {
  begin: u32,
  end: u32,
  step: u32,
  count: u32,
}

// With interleaved chunks neighbouring invocations read neighbouring memory (GPUs); with a run of its own, a
// core stays in its cache lines (software adapters).
fn chunk_of(row: u32, chunk: u32, c: u32) -> Chunk {
  let first = row_first(row);
  let length = row_length(row);
  let size = (length + p.chunks - 1u) / p.chunks;
  let begin = select(min(length, chunk * size), chunk, INTERLEAVED);
  let end = select(min(length, begin + size), length, INTERLEAVED);
  let step = select(1u, p.chunks, INTERLEAVED);
  let base = first * p.channels + c;
  return Chunk(
    base + begin * p.channels,
    base + end * p.channels,
    step * p.channels,
    (end + step - 1u - begin) / step,
  );
}
