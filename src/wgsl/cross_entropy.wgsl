// cross_entropy.wgsl: the loss of each row of logits, and the weight that it counts with.
// One invocation owns one row and reads it once: the sum of exponentials is rescaled whenever a greater
// logit comes, so extreme logits neither overflow nor vanish. Moves classes + 3 words a row.

struct Params {
  total: u32,       // rows
  classes: u32,
  ignore: i32,
  smoothing: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> goal: array<i32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> row_weight: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let label = goal[i];
  if (label == p.ignore || label < 0 || u32(label) >= p.classes) {
    loss[i] = 0.0;
    row_weight[i] = 0.0;
    return;
  }
  let first = i * p.classes;
  let hit = f32(x[first + u32(label)]);
  var top = -3.4028234e38;
  var sum = 0.0;
  var weights = 0.0;
  var apart = 0.0;   // of w[c] * (x[t] - x[c]): differences, so that large logits lose no digits
  for (var c = 0u; c < p.classes; c++) {
    let v = f32(x[first + c]);
    let e = exp(-abs(v - top));
    sum = select(sum + e, sum * e + 1.0, v > top);
    top = max(top, v);
    if (p.smoothing > 0.0) {
      let w = class_weight(c);
      weights += w;
      apart += w * (hit - v);
    }
  }
  let w = class_weight(u32(label));
  let surprise = (top - hit) + log(sum);
  var value = w * surprise;
  if (p.smoothing > 0.0) {
    let spread = p.smoothing / f32(p.classes);
    value = (1.0 - p.smoothing) * value + spread * (apart + weights * surprise);
  }
  loss[i] = value;
  row_weight[i] = w;
}
