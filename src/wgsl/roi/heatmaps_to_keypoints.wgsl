// heatmaps_to_keypoints.wgsl: where each heatmap is largest when it is resized to its box.
// One workgroup owns one heatmap, and its invocations take turns at the pixels of the box; they share their best pixels. Reads 16
// elements per pixel of the box, writes 3 per heatmap.
// needs: WORKGROUP from header

struct Params {
  total: u32,      // heatmaps: regions times keypoints
  keypoints: u32,  // heatmaps per region
  size: u32,       // side of a heatmap
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> boxes: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

var<workgroup> values: array<f32, WORKGROUP>;
var<workgroup> places: array<u32, WORKGROUP>;

// The weights of the four neighbours, a = -0.75 as in PyTorch.
fn cubic(t: f32) -> vec4f {
  let near = vec2f(t, 1.0 - t);
  let far = near + 1.0;
  let inner = (1.25 * near - 2.25) * near * near + 1.0;
  let outer = ((-0.75 * far + 3.75) * far - 6.0) * far + 3.0;
  return vec4f(outer.x, inner.x, inner.y, outer.y);
}

fn neighbour(start: i32, offset: i32) -> u32 {
  return u32(clamp(start + offset - 1, 0, i32(p.size) - 1));
}

fn resized(base: u32, row: f32, column: f32) -> f32 {
  let top = floor(row);
  let left = floor(column);
  let down = cubic(row - top);
  let across = cubic(column - left);
  var sum = 0.0;
  for (var i = 0; i < 4; i++) {
    let line = base + neighbour(i32(top), i) * p.size * p.keypoints;
    var on = 0.0;
    for (var j = 0; j < 4; j++) {
      on += across[j] * maps[line + neighbour(i32(left), j) * p.keypoints];
    }
    sum += down[i] * on;
  }
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let map = group.x + group.y * groups.x;
  if (map >= p.total) { return; }
  let region = map / p.keypoints;
  let keypoint = map % p.keypoints;
  let corner = vec2f(boxes[region * 4u], boxes[region * 4u + 1u]);
  let sides = max(vec2f(boxes[region * 4u + 2u], boxes[region * 4u + 3u]) - corner, vec2f(1.0));
  let pixels = ceil(sides);
  let width = u32(pixels.x);
  let count = width * u32(pixels.y);
  let scale = f32(p.size) / pixels;
  let base = region * p.size * p.size * p.keypoints + keypoint;
  var best = -3.4e38;
  var place = count;
  for (var i = lane; i < count; i += WORKGROUP) {
    let at = scale * (vec2f(f32(i % width), f32(i / width)) + 0.5) - 0.5;
    let value = resized(base, at.y, at.x);
    if (value > best) {
      best = value;
      place = i;
    }
  }
  values[lane] = best;
  places[lane] = place;
  workgroupBarrier();
  if (lane > 0u) { return; }
  for (var i = 1u; i < WORKGROUP; i++) {
    if (values[i] > best || (values[i] == best && places[i] < place)) {
      best = values[i];
      place = places[i];
    }
  }
  let pixel = vec2f(f32(place % width), f32(place / width)) + 0.5;
  let found = pixel * (sides / pixels) + corner;
  y[map * 3u] = found.x;
  y[map * 3u + 1u] = found.y;
  y[map * 3u + 2u] = best;
}
