// foreground_step.wgsl: new colours of foreground and background at each pixel of a level: those that make its colour
// with its alpha, and are like those of its four neighbours (Germer et al. 2020, equation 4, one step of Jacobi).
// One invocation owns one pixel and shares nothing. It reads 4 values of its own, the alphas and 6 colours of each
// neighbour, and writes 6. Old colours may be those of a coarser level, read at the nearest pixel. Of a level only a
// part is there, of the image and of the old colours each; a neighbour beyond the part of the image counts with the
// alpha at its edge, and one beyond the old colours with those at their edge.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,          // pixels of the part
  columns: u32,
  rows: u32,
  left: i32,           // where the part begins in the level
  top: i32,
  width: i32,          // of the level
  height: i32,
  old_columns: i32,
  old_rows: i32,
  old_left: i32,       // where the old colours begin in their level
  old_top: i32,
  old_width: i32,      // of their level
  old_height: i32,
  regularization: f32,
  gradient_weight: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;    // red, green, blue, alpha
@group(0) @binding(2) var<storage, read> colors: array<f32>;   // foreground and background
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn alpha_at(place: vec2i) -> f32 {
  let own = clamp(place - vec2i(p.left, p.top), vec2i(0), vec2i(i32(p.columns), i32(p.rows)) - 1);
  return image[4 * (own.y * i32(p.columns) + own.x) + 3];
}

fn colors_at(place: vec2i) -> i32 {
  let old = place * vec2i(p.old_width, p.old_height) / vec2i(p.width, p.height) - vec2i(p.old_left, p.old_top);
  let own = clamp(old, vec2i(0), vec2i(p.old_columns, p.old_rows) - 1);
  return 6 * (own.y * p.old_columns + own.x);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let place = vec2i(i32(i % p.columns) + p.left, i32(i / p.columns) + p.top);
  let color = vec3f(image[4u * i], image[4u * i + 1u], image[4u * i + 2u]);
  let a = image[4u * i + 3u];
  let b = 1.0 - a;
  var weight = 0.0;
  var front = vec3f();
  var back = vec3f();
  for (var k = 0; k < 4; k++) {
    let sign = 2 * (k & 1) - 1;
    let step = select(vec2i(0, sign), vec2i(sign, 0), k < 2);
    let other = clamp(place + step, vec2i(0), vec2i(p.width, p.height) - 1);
    let w = p.regularization + p.gradient_weight * abs(a - alpha_at(other));
    let c = colors_at(other);
    weight += w;
    front += w * vec3f(colors[c], colors[c + 1], colors[c + 2]);
    back += w * vec3f(colors[c + 3], colors[c + 4], colors[c + 5]);
  }
  // With the neighbours' means F and B: (w + a a) f + a b g = w F + a I, and a b f + (w + b b) g = w B + b I. The
  // difference of I from what F and B make is shared out; so nothing cancels where w is small.
  let f = front / weight;
  let g = back / weight;
  let rest = (color - a * f - b * g) / (weight + a * a + b * b);
  let new_front = clamp(f + a * rest, vec3f(), vec3f(1.0));
  let new_back = clamp(g + b * rest, vec3f(), vec3f(1.0));
  y[6u * i] = new_front.x;
  y[6u * i + 1u] = new_front.y;
  y[6u * i + 2u] = new_front.z;
  y[6u * i + 3u] = new_back.x;
  y[6u * i + 4u] = new_back.y;
  y[6u * i + 5u] = new_back.z;
}
