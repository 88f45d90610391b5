// pair_count.wgsl: counts the pairs of each tile of some rows of tiles.
// needs: p.first_row from hamming_pairs.wgsl

@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;   // [rows of tiles, columns of tiles]

var<private> own_tile: u32;
var<private> taken: u32;

fn tile_of(wid: vec3u, groups: vec3u) -> vec2u {
  own_tile = wid.y * groups.x + wid.x;
  return vec2u(p.first_row + wid.y, wid.x);
}

fn take(near: u32, first: u32, j: u32) {
  taken += countOneBits(near);
}

fn finish() {
  if (taken > 0u) { atomicAdd(&counts[own_tile], taken); }
}
