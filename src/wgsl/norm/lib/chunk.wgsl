// chunk.wgsl: how a length is divided among invocations, so that all kernels that count agree.
// needs: INTERLEAVED from header

// With interleaved chunks neighbouring invocations read neighbouring memory (GPUs); with a run of its own, a
// core stays in its cache lines (software adapters).
fn chunk_begin(chunk: u32, chunks: u32, length: u32) -> u32 {
  if (INTERLEAVED) { return chunk; }
  return chunk * ((length + chunks - 1u) / chunks);
}

fn chunk_step(chunks: u32) -> u32 {
  if (INTERLEAVED) { return chunks; }
  return 1u;
}

fn chunk_end(chunk: u32, chunks: u32, length: u32) -> u32 {
  if (INTERLEAVED) { return length; }
  return min(length, (chunk + 1u) * ((length + chunks - 1u) / chunks));
}

fn chunk_count(chunk: u32, chunks: u32, length: u32) -> u32 {
  if (INTERLEAVED) { return (length + chunks - 1u - chunk) / chunks; }
  return chunk_end(chunk, chunks, length) - chunk_begin(chunk, chunks, length);
}
