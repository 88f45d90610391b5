// The app's own shaders: paint an image, show it beside its pyramid, draw boxes over both.

const SIZE = 192u;

// ---- paint: the image, one invocation per pixel. Channels last, as Fovea's kernels read images: [1, SIZE, SIZE, 4].

@group(0) @binding(0) var<storage, read> discs: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> painted: array<vec4f>;

fn hue(h: f32) -> vec3f {
  return 0.5 + 0.45 * cos(6.2831853 * (vec3f(h) + vec3f(0.0, 0.33, 0.67)));
}

@compute @workgroup_size(8, 8)
fn paint(@builtin(global_invocation_id) id: vec3u) {
  let at = vec2f(id.xy) + 0.5;
  var colour = vec3f(0.16, 0.17, 0.22);
  for (var d = 0u; d < arrayLength(&discs); d++) {
    let disc = discs[d];
    // An edge that is six pixels wide.
    let inside = clamp((disc.z - distance(at, disc.xy)) / 6.0, 0.0, 1.0);
    colour = mix(colour, hue(disc.w), inside);
  }
  painted[id.y * SIZE + id.x] = vec4f(colour, 1.0);
}

// ---- show: the image on the left, its pyramid on the right: a third of it from each level, straight from the buffers.

@group(0) @binding(0) var<storage, read> image: array<vec4f>;
@group(0) @binding(1) var<storage, read> half: array<vec4f>;
@group(0) @binding(2) var<storage, read> quarter: array<vec4f>;
@group(0) @binding(3) var<storage, read> eighth: array<vec4f>;

@vertex
fn show_vertex(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn show(@builtin(position) position: vec4f) -> @location(0) vec4f {
  // Two canvas pixels per image pixel.
  var at = vec2u(position.xy) / 2u;
  if (at.x < SIZE) { return vec4f(image[at.y * SIZE + at.x].rgb, 1.0); }
  at.x -= SIZE;
  if (at.x < SIZE / 3u) { return vec4f(half[(at.y / 2u) * (SIZE / 2u) + at.x / 2u].rgb, 1.0); }
  if (at.x < SIZE / 3u * 2u) { return vec4f(quarter[(at.y / 4u) * (SIZE / 4u) + at.x / 4u].rgb, 1.0); }
  return vec4f(eighth[(at.y / 8u) * (SIZE / 8u) + at.x / 8u].rgb, 1.0);
}

// ---- outline: on the left every box; on the right those that nms has kept, by its `indices` and `count`.

@group(0) @binding(0) var<storage, read> boxes: array<vec4f>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read> count: array<i32>;

struct Outline {
  @builtin(position) position: vec4f,
  @location(0) colour: vec4f,
}

@vertex
fn outline_vertex(@builtin(vertex_index) corner: u32, @builtin(instance_index) instance: u32) -> Outline {
  let total = arrayLength(&boxes);
  let kept = instance >= total;
  let k = instance % total;
  let box = boxes[select(k, u32(max(indices[k], 0)), kept)];
  let right = ((corner + 1u) >> 1u) % 2u == 1u;
  let below = (corner >> 1u) % 2u == 1u;
  let at = vec2f(select(box.x, box.z, right), select(box.y, box.w, below)) / f32(SIZE);
  // Beyond the count there is no box: all corners in one place draw nothing.
  let hidden = kept & (i32(k) >= count[0]);
  let x = select(at.x - 1.0, at.x, kept);
  let colour = select(vec4f(0.75, 0.75, 0.8, 1.0), vec4f(1.0, 0.85, 0.1, 1.0), kept);
  return Outline(select(vec4f(x, 1.0 - 2.0 * at.y, 0.0, 1.0), vec4f(2.0, 2.0, 0.0, 1.0), hidden), colour);
}

@fragment
fn outline(in: Outline) -> @location(0) vec4f {
  return in.colour;
}
