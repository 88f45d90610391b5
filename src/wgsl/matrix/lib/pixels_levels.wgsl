// pixels_levels.wgsl: the result's pixels that gpu_filter.wgsl adds up: those of a feature pyramid, by their number, with the
// source pixel under the first tap. It replaces pixels_image.wgsl.
// needs: source_of from conv_levels.wgsl; p.DW, p.KW from conv_params.wgsl

struct Pixel { number: u32, source: vec3i }

fn pixel_at(k: u32) -> Pixel {
  return Pixel(k, source_of(k));
}

// The pixel with a number that is higher by so much: mostly in the same row.
fn further(before: Pixel, by: u32) -> Pixel {
  let number = before.number + by;
  let across = (before.source.z >> 16u) + i32(p.KW - 1u) * p.DW / 2 + i32(by);
  if (across < (before.source.z & 0xffff)) {
    return Pixel(number, before.source + vec3i(0, 0, i32(by << 16u)));
  }
  return pixel_at(number);
}

fn source_under(pixel: Pixel) -> vec3i {
  return pixel.source;
}
