// tiles_image.wgsl: the tiles of images that Winograd's algorithm goes through, image by image and line by line.
// needs: p.H, p.W, p.tiles, p.tiles_w from winograd_input.wgsl | winograd_output.wgsl

// The first pixel of its image, the tile's row and column of tiles, and the image's height and width.
struct Tile { first: i32, row: i32, column: i32, height: i32, width: i32 }

fn tile_at(number: u32) -> Tile {
  let n = number / p.tiles;
  let rest = number - n * p.tiles;
  let row = rest / p.tiles_w;
  return Tile(i32(n) * p.H * p.W, i32(row), i32(rest - row * p.tiles_w), p.H, p.W);
}
