// texture_image.wgsl: the red, green and blue of a texture's pixels as f32 [height, width, 3], in 0..1.
// One invocation owns a pixel: it reads a texel and writes three values. STEPS: what a channel of whole numbers counts up to (255 for
// bytes); its values are rounded to STEPS-ths, as they are stored. 0: floats. LINEAR: the texture's sRGB is decoded when it is read,
// and encoded again here.
// needs: LINEAR, STEPS from header

@group(0) @binding(0) var pixels: texture_2d<f32>;
@group(0) @binding(1) var<storage, read_write> values: array<f32>;   // [height, width, 3]

// IEC 61966-2-1.
fn encoded(c: vec3f) -> vec3f {
  return select(1.055 * pow(max(c, vec3f(0.0031308)), vec3f(1.0 / 2.4)) - 0.055, 12.92 * c, c <= vec3f(0.0031308));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let size = textureDimensions(pixels);
  if ((gid.x >= size.x) | (gid.y >= size.y)) { return; }
  var rgb = textureLoad(pixels, gid.xy, 0).rgb;
  if (LINEAR) { rgb = encoded(rgb); }
  if (STEPS > 0u) { rgb = round(rgb * f32(STEPS)) / f32(STEPS); }
  let at = 3u * (gid.y * size.x + gid.x);
  values[at] = rgb.r;
  values[at + 1u] = rgb.g;
  values[at + 2u] = rgb.b;
}
