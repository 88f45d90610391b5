// pair_collect.wgsl: writes the pairs of the tiles in a list, in no order. How many a tile has is known, so that every one has a place.

@group(0) @binding(2) var<storage, read> tiles: array<vec4u>;                // row, column, place of its first pair
@group(0) @binding(3) var<storage, read_write> filled: array<atomic<u32>>;   // [tiles]
@group(0) @binding(4) var<storage, read_write> pairs: array<vec2u>;

var<private> own_tile: u32;

fn tile_of(wid: vec3u, groups: vec3u) -> vec2u {
  own_tile = wid.x;
  return tiles[own_tile].xy;
}

fn take(near: u32, first: u32, j: u32) {
  for (var left = near; left != 0u; left &= left - 1u) {
    let i = first + 64u * countTrailingZeros(left);
    pairs[tiles[own_tile].z + atomicAdd(&filled[own_tile], 1u)] = vec2u(i, j);
  }
}

fn finish() {}
