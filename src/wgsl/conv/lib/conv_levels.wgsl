// conv_levels.wgsl: rows of the GEMM of a convolution over a feature pyramid: the pixels of all levels of an image, then those
// of the next image. Each level is convolved by itself, with stride 1 and the padding that keeps its size. It replaces
// conv_source.wgsl and conv_direct.wgsl.
// needs: p.C, p.DH, p.DW, p.KH, p.KW, p.M, p.W from conv_params.wgsl

@group(0) @binding(5) var<storage, read> levels: array<vec4u>; // height, width, first pixel, number of pixels

// To be called before the other functions: the taps along the height and the width, and the number of the first one.
fn begin_rows(row: u32) -> vec3u {
  return vec3u(p.KH, p.KW, 0u);
}

// The source pixel under the first tap: the first pixel of its level; its row and the level's height, 16 bits each; its
// column and the level's width. Beyond the last pixel a row outside.
fn source_of(row: u32) -> vec3i {
  let image = row / p.W;
  let pixel = row - image * p.W;
  var level = levels[0];
  for (var i = 1u; i < arrayLength(&levels); i++) {
    let next = levels[i];
    level = select(level, next, pixel >= next.z);
  }
  let at = pixel - level.z;
  let down = at / level.y;
  let across = at - down * level.y;
  let before = vec2i(i32(p.KH - 1u) * p.DH, i32(p.KW - 1u) * p.DW) / 2;
  let y = select(-32768, i32(down) - before.x, row < p.M);
  let x = i32(across) - before.y;
  return vec3i(i32(image * p.W + level.z), (y << 16u) | i32(level.x), (x << 16u) | i32(level.y));
}

// Element offset of the first channel of the pixel that a tap reads, or -1 outside its level.
fn source_offset(source: vec3i, kh: u32, kw: u32) -> i32 {
  let ih = (source.y >> 16u) + i32(kh) * p.DH;
  let iw = (source.z >> 16u) + i32(kw) * p.DW;
  let width = source.z & 0xffff;
  let inside = (u32(ih) < u32(source.y & 0xffff)) & (u32(iw) < u32(width));
  return select(-1, (source.x + ih * width + iw) * i32(p.C), inside);
}

// The result's pixel, or -1 beyond the last.
fn result_of(row: u32) -> i32 {
  return select(-1, i32(row), row < p.M);
}
