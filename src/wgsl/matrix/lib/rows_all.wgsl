// rows_all.wgsl: makes a filter gradient add up all pixels (rows_inside.wgsl: only those that read inside x).
// needs: p.M from conv_params.wgsl

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
