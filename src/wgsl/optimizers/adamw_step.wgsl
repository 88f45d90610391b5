// adamw_step.wgsl: one step of AdamW over a flat buffer of parameters, in place.
// One invocation owns four elements; nothing is shared. Reads 4 and writes 3 values per element.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // vec4s
  last: u32,    // index of the last of the steps
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
// learning rate, beta1, beta2, eps, weight decay, 1 to decouple the decay, ln beta1, ln beta2, 1 - beta1, 1 - beta2
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
// of each 64 elements, or of all: which step this is, 0 where they stay as they are
@group(0) @binding(4) var<storage, read> steps: array<f32>;
@group(0) @binding(5) var<storage, read_write> param: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> v: array<vec4f>;

// 1 - exp(x) for x <= 0. Near 0 by its series, where the difference would lose its digits: the first term left out is below 1e-8 of it.
fn below_one(x: f32) -> f32 {
  if (x < -0.5) { return 1.0 - exp(x); }
  var sum = 1.0;
  for (var k = 9.0; k > 1.0; k -= 1.0) { sum = 1.0 + sum * x / k; }
  return -x * sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  let t = steps[min(i / 16u, p.last)];
  if (i >= p.total || t <= 0.0) { return; }
  let rate = hyper[0];
  let decoupled = hyper[5] > 0.0;
  var w = param[i];
  let g = grad[i] * scale[0] + select(hyper[4], 0.0, decoupled) * w;
  w -= select(0.0, rate * hyper[4], decoupled) * w;
  let m1 = hyper[1] * m[i] + hyper[8] * g;
  let v1 = hyper[2] * v[i] + hyper[9] * g * g;
  m[i] = m1;
  v[i] = v1;
  param[i] = w - rate * (m1 / below_one(t * hyper[6])) / (sqrt(v1 / below_one(t * hyper[7])) + hyper[3]);
}
