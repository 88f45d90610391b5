// conv_phases.wgsl: rows of the GEMM of a transposed convolution of stride s, as s_h * s_w dense convolutions. Pixels
// of the result whose distance is a multiple of the stride (a phase) use the same taps, and neighbours among them read
// neighbouring source pixels: o = i * stride - padding + k * dilation, solved for i. The rows are all pixels of one
// phase, then all of the next; a phase begins with a new block, so that the rows of a workgroup share their taps.
// needs: source_at from conv_source.wgsl; p.DH, p.DW, p.KH, p.KW, p.M, p.OH, p.OW, p.PH, p.PW, p.RH, p.RW, p.UH, p.UW,
//   p.phase_rows, p.tap_h, p.tap_w from conv_params.wgsl

var<private> phase_begin: u32;   // its first row
var<private> phase: vec2i;       // its first pixel
var<private> phase_source: vec2i; // the source pixel that its first tap brings to its first pixel

// The first tap along an axis that reaches pixel `at` of a phase, and how many taps do.
fn taps_along(at: i32, padding: i32, dilation: i32, stride: i32, taps: u32, step: u32) -> vec2u {
  var first = taps;
  for (var k = 0u; k < min(step, taps); k++) {
    first = select(first, k, (at + padding - i32(k) * dilation) % stride == 0);
  }
  return vec2u(first, (taps - first + step - 1u) / step);
}

// WGSL takes private variables to be non-uniform, so what the taps depend on is computed without them.
fn begin_rows(row: u32) -> vec3u {
  let number = row / p.phase_rows;
  let first = vec2i(i32(number) / p.UW, i32(number) % p.UW);
  // Taps of a phase are stride / gcd(stride, dilation) apart, and dilation / gcd source pixels.
  let step = vec2u(p.tap_h / p.KW, p.tap_w);
  let dilation = vec2i(-p.DH * p.UH / i32(step.x), -p.DW * p.UW / i32(step.y));
  let high = taps_along(first.x, p.PH, dilation.x, p.UH, p.KH, step.x);
  let wide = taps_along(first.y, p.PW, dilation.y, p.UW, p.KW, step.y);
  phase_begin = number * p.phase_rows;
  phase = first;
  phase_source = (first + vec2i(p.PH, p.PW) - vec2i(i32(high.x), i32(wide.x)) * dilation) / vec2i(p.UH, p.UW);
  return vec3u(high.y, wide.y, high.x * p.KW + wide.x);
}

// The source pixel under the phase's first tap: image, row and column.
fn source_of(row: u32) -> vec3i {
  return source_at(row - phase_begin, phase_source);
}

// The result's pixel, or -1 beyond the phase's last and beyond the last phase.
fn result_of(row: u32) -> i32 {
  let m = row - phase_begin;
  let rest = m / p.OW;
  let ow = i32(m - rest * p.OW) * p.UW + phase.y;
  let oh = i32(rest % p.OH) * p.UH + phase.x;
  let inside = (m < p.M) & (phase.x < p.UH) & (oh < i32(p.RH)) & (ow < i32(p.RW));
  return select(-1, (i32(rest / p.OH) * i32(p.RH) + oh) * i32(p.RW) + ow, inside);
}
