// rows_one_tap.wgsl: where the 16 rows of a filter gradient's block belong to one tap, and so read one source pixel.
// needs: p.IG, p.KH, p.KW, p.x_z from conv_params.wgsl

// The element of a source pixel that row q reads, and its tap (kh, kw). Beyond the last row those of an earlier row.
fn place_of(q: u32, z: u32) -> vec3u {
  let inside = min(q, p.KH * p.KW * p.IG - 16u);
  let tap = inside / p.IG;
  return vec3u(z * p.x_z + inside - tap * p.IG, tap / p.KW, tap % p.KW);
}

fn place_again(first: vec3u, q: u32, z: u32) -> vec3u {
  return vec3u(first.x + q % 16u, first.yz);
}

fn source_again(first: i32, source: vec3i, kh: u32, kw: u32) -> i32 {
  return first;
}
