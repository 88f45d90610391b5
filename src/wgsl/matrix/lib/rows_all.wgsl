// rows_all.wgsl: a filter gradient sums up all pixels (rows_inside.wgsl: those that read inside x).

fn pixels_of(place: vec3u) -> u32 {
  return p.M;
}

fn count_of(pixels: u32) -> u32 {
  return pixels;
}

fn pixel_of(pixels: u32, k: u32) -> u32 {
  return k;
}

fn pixel_again(m: u32, k: u32, lane: u32) -> u32 {
  return k;
}
