// adamw_step.wgsl: one step of AdamW over a flat buffer of parameters, in place.
// One invocation owns four elements; nothing is shared. Reads 4 and writes 3 values per element.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // vec4s
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
// learning rate, beta1, beta2, eps, weight decay, 1 - beta1^t, 1 - beta2^t, 1 to decouple the decay
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read_write> param: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> v: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let rate = hyper[0];
  let decoupled = hyper[7] > 0.0;
  var w = param[i];
  let g = grad[i] * scale[0] + select(hyper[4], 0.0, decoupled) * w;
  w -= select(0.0, rate * hyper[4], decoupled) * w;
  let m1 = hyper[1] * m[i] + (1.0 - hyper[1]) * g;
  let v1 = hyper[2] * v[i] + (1.0 - hyper[2]) * g * g;
  m[i] = m1;
  v[i] = v1;
  param[i] = w - rate * (m1 / hyper[5]) / (sqrt(v1 / hyper[6]) + hyper[3]);
}
