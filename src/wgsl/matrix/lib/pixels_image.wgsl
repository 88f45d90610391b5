// pixels_image.wgsl: the result's pixels that gpu_filter.wgsl adds up: those of images, as image, row and column.
// needs: p.OH, p.OW, p.PH, p.PW, p.SH, p.SW from conv_params.wgsl

alias Pixel = vec3u;

fn pixel_at(k: u32) -> Pixel {
  let rest = k / p.OW;
  return vec3u(rest / p.OH, rest % p.OH, k % p.OW);
}

// The pixel with a number that is higher by so much.
fn further(before: Pixel, by: u32) -> Pixel {
  var pixel = before + vec3u(0u, 0u, by);
  while (pixel.z >= p.OW) {
    pixel = vec3u(pixel.x, pixel.y + 1u, pixel.z - p.OW);
    if (pixel.y == p.OH) { pixel = vec3u(pixel.x + 1u, 0u, pixel.z); }
  }
  return pixel;
}

// The source pixel under the first tap.
fn source_under(pixel: Pixel) -> vec3i {
  return vec3i(pixel) * vec3i(1, p.SH, p.SW) - vec3i(0, p.PH, p.PW);
}
