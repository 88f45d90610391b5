// hamming_collect.wgsl: the hashes that are near each query, in no order.
// A workgroup owns a block and a query; an invocation owns every 64th hash of the block. How many there are of a query is known before, so
// that every one has a place: they go from the query's first place on.
// needs: WORDS from header

struct Params {
  hashes: u32,
  block: u32,    // hashes per block
  first: u32,    // the first block
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hashes: array<u32>;      // [hashes, WORDS]
@group(0) @binding(2) var<storage, read> queries: array<u32>;     // [queries, WORDS]
@group(0) @binding(3) var<storage, read> wanted: array<vec4u>;    // per query: nearer than x, or at x and before hash y; z: its first place
@group(0) @binding(4) var<storage, read_write> filled: array<atomic<u32>>;   // [queries]
@group(0) @binding(5) var<storage, read_write> found: array<vec2u>;          // number, distance

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_id) lid: vec3u, @builtin(workgroup_id) wid: vec3u) {
  let start = (p.first + wid.x) * p.block;
  let end = min(p.hashes, start + p.block);
  let want = wanted[wid.y];
  var query: array<u32, WORDS>;
  for (var w = 0u; w < WORDS; w++) { query[w] = queries[wid.y * WORDS + w]; }
  for (var i = start + lid.x; i < end; i += 64u) {
    var bits = 0u;
    for (var w = 0u; w < WORDS; w++) { bits += countOneBits(hashes[i * WORDS + w] ^ query[w]); }
    if ((bits < want.x) | ((bits == want.x) & (i < want.y))) {
      found[want.z + atomicAdd(&filled[wid.y], 1u)] = vec2u(i, bits);
    }
  }
}
