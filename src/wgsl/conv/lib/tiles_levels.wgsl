// tiles_levels.wgsl: the tiles of feature pyramids that Winograd's algorithm goes through: image by image, level by level,
// line by line. It replaces tiles_image.wgsl.
// needs: RESULTS from winograd_2.wgsl | winograd_4.wgsl; p.W, p.tiles from winograd_input.wgsl | winograd_output.wgsl

@group(0) @binding(5) var<storage, read> levels: array<vec4u>; // height, width, first pixel, number of pixels

// The first pixel of its level, the tile's row and column of tiles, and the level's height and width.
struct Tile { first: i32, row: i32, column: i32, height: i32, width: i32 }

fn tiles_along(pixels: u32) -> u32 {
  return (pixels + u32(RESULTS) - 1u) / u32(RESULTS);
}

fn tile_at(number: u32) -> Tile {
  let n = number / p.tiles;
  let own = number - n * p.tiles;
  var level = levels[0];
  var start = 0u;
  var end = 0u;
  for (var i = 1u; i < arrayLength(&levels); i++) {
    let before = levels[i - 1u];
    end += tiles_along(before.x) * tiles_along(before.y);
    let beyond = own >= end;
    start = select(start, end, beyond);
    level = select(level, levels[i], beyond);
  }
  let across = tiles_along(level.y);
  let row = (own - start) / across;
  let column = own - start - row * across;
  return Tile(i32(n) * p.W + i32(level.z), i32(row), i32(column), i32(level.x), i32(level.y));
}
