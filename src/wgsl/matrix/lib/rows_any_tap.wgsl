// rows_any_tap.wgsl: where the 16 rows of a filter gradient's block may belong to different taps.
// needs: source_offset from conv_levels.wgsl | conv_source.wgsl; p.IG, p.KH, p.KW, p.x_z from conv_params.wgsl

// The element of a source pixel that row q reads, and its tap (kh, kw). Beyond the last row those of the last row.
fn place_of(q: u32, z: u32) -> vec3u {
  let inside = min(q, p.KH * p.KW * p.IG - 1u);
  let tap = inside / p.IG;
  return vec3u(z * p.x_z + inside - tap * p.IG, tap / p.KW, tap % p.KW);
}

fn place_again(first: vec3u, q: u32, z: u32) -> vec3u {
  return place_of(q, z);
}

fn source_again(first: i32, source: vec3i, kh: u32, kw: u32) -> i32 {
  return source_offset(source, kh, kw);
}
