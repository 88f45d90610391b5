// rows_inside.wgsl: makes a filter gradient add up only the pixels that read inside x under the tap of a block's rows
// (rows_one_tap.wgsl): a rectangle in each image. Of 7x7 pixels with a padding of 1 these are 82 %.
// needs: p.DH, p.DW, p.H, p.M, p.OH, p.OW, p.PH, p.PW, p.SH, p.SW, p.W from conv_params.wgsl

struct Pixels { first: vec2u, size: vec2u }

// Of `count` pixels that read i * stride + offset, the first that reads inside `size` source pixels, and how many do.
fn inside_along(offset: i32, stride: i32, size: u32, count: u32) -> vec2u {
  let first = clamp((stride - 1 - offset) / stride, 0, i32(count));
  let end = clamp((i32(size) + stride - 1 - offset) / stride, first, i32(count));
  return vec2u(u32(first), u32(end - first));
}

fn pixels_of(place: vec3u) -> Pixels {
  let high = inside_along(i32(place.y) * p.DH - p.PH, p.SH, p.H, p.OH);
  let wide = inside_along(i32(place.z) * p.DW - p.PW, p.SW, p.W, p.OW);
  return Pixels(vec2u(high.x, wide.x), vec2u(high.y, wide.y));
}

fn count_of(pixels: Pixels) -> u32 {
  return p.M / (p.OH * p.OW) * pixels.size.x * pixels.size.y;
}

fn pixel_of(pixels: Pixels, k: u32) -> u32 {
  let row = k / pixels.size.y;
  let n = row / pixels.size.x;
  let oh = pixels.first.x + row - n * pixels.size.x;
  return (n * p.OH + oh) * p.OW + pixels.first.y + k - row * pixels.size.y;
}

// The pixel with number k, which lane `lane` has found to be its m.
fn pixel_again(m: u32, k: u32, lane: u32) -> u32 {
  return subgroupShuffle(m, lane);
}
