// cross_entropy_backward.wgsl: the gradient of each row's loss to its logits.
// dx[c] = g * (s * softmax(x)[c] - (1 - e) * w[t] * [c = t] - e / C * w[c]), s = (1 - e) * w[t] + e / C * sum(w).
// One invocation owns one row: it reads the row for the sum of exponentials, then once more to write. Moves
// 3 * classes + 2 words a row.

struct Params {
  total: u32,       // rows
  classes: u32,
  ignore: i32,
  smoothing: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> goal: array<i32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let label = goal[i];
  let first = i * p.classes;
  if (label == p.ignore || label < 0 || u32(label) >= p.classes) {
    for (var c = 0u; c < p.classes; c++) {
      dx[first + c] = T(0);
    }
    return;
  }
  var top = -3.4028234e38;
  var sum = 0.0;
  var weights = 0.0;
  for (var c = 0u; c < p.classes; c++) {
    let v = f32(x[first + c]);
    let e = exp(-abs(v - top));
    sum = select(sum + e, sum * e + 1.0, v > top);
    top = max(top, v);
    if (p.smoothing > 0.0) {
      weights += class_weight(c);
    }
  }
  let spread = p.smoothing / f32(p.classes);
  let hit = (1.0 - p.smoothing) * class_weight(u32(label));
  let scale = (hit + spread * weights) / sum;
  for (var c = 0u; c < p.classes; c++) {
    var value = scale * exp(f32(x[first + c]) - top);
    if (p.smoothing > 0.0) {
      value -= spread * class_weight(c);
    }
    value -= select(0.0, hit, c == u32(label));
    dx[first + c] = T(g[i] * value);
  }
}
