// hamming_histogram.wgsl: how many hashes of each block are at each distance from each query.
// A workgroup owns a block and TILE queries; an invocation owns every 64th hash of the block. It loads a hash once, and adds 1 to a bin
// for each query: whole numbers have one sum, whatever the order.
// needs: WORDS, TILE from header

struct Params {
  hashes: u32,
  queries: u32,
  block: u32,    // hashes per block
  blocks: u32,
  bins: u32,     // distances: one more than there are bits
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hashes: array<u32>;      // [hashes, WORDS]
@group(0) @binding(2) var<storage, read> queries: array<u32>;     // [queries, WORDS]
@group(0) @binding(3) var<storage, read_write> histogram: array<atomic<u32>>;   // [queries, blocks, bins]

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_id) lid: vec3u, @builtin(workgroup_id) wid: vec3u) {
  let end = min(p.hashes, (wid.x + 1u) * p.block);
  let last = min(p.queries, (wid.y + 1u) * TILE);
  for (var i = wid.x * p.block + lid.x; i < end; i += 64u) {
    var own: array<u32, WORDS>;
    for (var w = 0u; w < WORDS; w++) { own[w] = hashes[i * WORDS + w]; }
    for (var q = wid.y * TILE; q < last; q++) {
      var bits = 0u;
      for (var w = 0u; w < WORDS; w++) { bits += countOneBits(own[w] ^ queries[q * WORDS + w]); }
      atomicAdd(&histogram[(q * p.blocks + wid.x) * p.bins + bits], 1u);
    }
  }
}
