// hash_grey.wgsl: images of bytes in grey, as Pillow's convert('L').
// Bytes are four to a word, the first the lowest; each image begins a word. An invocation owns four pixels.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  words_in: u32,    // of an image
  words_out: u32,
  images: u32,
  channels: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;       // [images, words_in]: bytes [height, width, channels]
@group(0) @binding(2) var<storage, read_write> grey: array<u32>;   // [images, words_out]: bytes [height, width]

fn byte_at(start: u32, i: u32) -> u32 {
  // Behind the last pixel there may be no word; what is there counts for nothing.
  let word = min(i >> 2u, p.words_in - 1u);
  return (pixels[start + word] >> (8u * (i & 3u))) & 255u;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.images * p.words_out) { return; }
  let start = (i / p.words_out) * p.words_in;
  let first = 4u * (i % p.words_out);
  var word = 0u;
  for (var k = 0u; k < 4u; k++) {
    let at = (first + k) * p.channels;
    var value = byte_at(start, at);
    if (p.channels > 2u) {
      value = (19595u * value + 38470u * byte_at(start, at + 1u) + 7471u * byte_at(start, at + 2u) + 32768u) >> 16u;
    }
    word |= value << (8u * k);
  }
  grey[i] = word;
}
