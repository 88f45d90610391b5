// cross_entropy_backward.wgsl: the gradient of each row's loss with respect to its logits.
// dx[c] = dy * (s * softmax(x)[c] - (1 - e) * w[t] * [c = t] - e / C * w[c]), s = (1 - e) * w[t] + e / C * sum(w).
// One invocation owns one row and reads it once, or ACROSS of them share it. cross_entropy.wgsl stored the greatest logit and
// the sum of exponentials. Moves 2 * classes + 4 words per row.
// needs: ACROSS, EACH, SMOOTH, T, WORKGROUP from header; class_weight from class_weight.wgsl | class_weight_none.wgsl;
//   row_of, sums_of_row from row_alone.wgsl | row_shared.wgsl

struct Params {
  total: u32,       // rows
  classes: u32,
  ignore: i32,
  smoothing: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> goal: array<i32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<T>;
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let place = row_of(gid, groups);
  let i = min(place.x, p.total - 1u);
  let label = goal[i];
  let counts = (label != p.ignore) & (label >= 0) & (label < i32(p.classes));
  let own = u32(clamp(label, 0, i32(p.classes) - 1));
  var hit = class_weight(own);
  var share = hit;
  if (SMOOTH) {
    var weights = 0.0;
    for (var c = place.y; c < p.classes; c += ACROSS) { weights += class_weight(c); }
    weights = sums_of_row(gid, vec2f(weights, 0.0)).x;
    hit *= 1.0 - p.smoothing;
    share = hit + p.smoothing / f32(p.classes) * weights;
  }
  let upstream = dy[i * EACH];
  let row = stats[i];
  let scale = upstream * share / row.y;
  let spread = upstream * p.smoothing / f32(p.classes);
  hit *= upstream;
  let first = i * p.classes;
  let classes = select(0u, p.classes, place.x < p.total);
  for (var c = place.y; c < classes; c += ACROSS) {
    var value = scale * exp(f32(x[first + c]) - row.x) - select(0.0, hit, c == own);
    if (SMOOTH) { value -= spread * class_weight(c); }
    // Rows that are ignored get 0, whatever their logits are.
    dx[first + c] = T(select(0.0, value, counts));
  }
}
