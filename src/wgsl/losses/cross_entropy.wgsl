// cross_entropy.wgsl: the loss of each row of logits, its weight, and what the gradient needs of it.
// One invocation owns one row and reads it once, four logits at a time; or ACROSS of them share it. It rescales the sum of
// exponentials whenever a greater logit comes, so that extreme ones neither overflow nor vanish. Moves classes + 5
// words per row.
// needs: ACROSS, FOURS, SMOOTH, T, WORKGROUP from header; class_weight from class_weight.wgsl | class_weight_none.wgsl;
//   exps_of_row, row_of, sums_of_row from row_alone.wgsl | row_shared.wgsl

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
@group(0) @binding(5) var<storage, read_write> stats: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let place = row_of(gid, groups);
  let there = place.x < p.total;
  let i = select(0u, place.x, there);
  let label = goal[i];
  let counts = (label != p.ignore) & (label >= 0) & (label < i32(p.classes));
  let own = u32(clamp(label, 0, i32(p.classes) - 1));
  let first = i * p.classes;
  let end = select(first, first + p.classes, there);
  var top = -3.4028234e38;
  var sum = 0.0;
  var at = first + place.y;
  // With few classes, one at a time is faster. Invocations that share a row read neighbours.
  for (; FOURS & (at + 4u <= end); at += 4u) {
    let v = vec4f(f32(x[at]), f32(x[at + 1u]), f32(x[at + 2u]), f32(x[at + 3u]));
    let higher = max(top, max(max(v.x, v.y), max(v.z, v.w)));
    let e = exp(v - higher);
    sum = sum * exp(top - higher) + ((e.x + e.y) + (e.z + e.w));
    top = higher;
  }
  for (; at < end; at += ACROSS) {
    let v = f32(x[at]);
    let e = exp(-abs(v - top));
    sum = select(sum + e, sum * e + 1.0, v > top);
    top = max(top, v);
  }
  let all = exps_of_row(gid, vec2f(top, sum));
  let hit = f32(x[first + own]);
  let surprise = (all.x - hit) + log(all.y);
  let w = class_weight(own);
  var value = w * surprise;
  if (SMOOTH) {
    var sums = vec2f(); // of w[c], and of w[c] * (x[t] - x[c]): differences, so that large logits lose no digits
    for (var c = place.y; c < p.classes; c += ACROSS) {
      let other = class_weight(c);
      sums += vec2f(other, other * (hit - f32(x[first + c])));
    }
    sums = sums_of_row(gid, sums);
    let spread = p.smoothing / f32(p.classes);
    value = (1.0 - p.smoothing) * value + spread * (sums.y + sums.x * surprise);
  }
  if (!there | (place.y > 0u)) { return; }
  loss[i] = select(0.0, value, counts);
  row_weight[i] = select(0.0, w, counts);
  stats[i] = select(vec2f(0.0), all, counts);
}
