// rmsprop_centered_step.wgsl: one step of centered RMSprop over a flat buffer of parameters, in place.
// One invocation owns four elements; nothing is shared. Reads 5 and writes 4 values per element.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // vec4s
  last: u32,    // index of the last of the steps
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
// learning rate, alpha, momentum, eps, weight decay, 1 - alpha
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
// of each 64 elements, or of all: 0 where they stay as they are
@group(0) @binding(4) var<storage, read> steps: array<f32>;
@group(0) @binding(5) var<storage, read_write> param: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> square: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> momentum: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> mean: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total || steps[min(i / 16u, p.last)] <= 0.0) { return; }
  let w = param[i];
  let g = grad[i] * scale[0] + hyper[4] * w;
  let s = hyper[1] * square[i] + hyper[5] * g * g;
  let a = hyper[1] * mean[i] + hyper[5] * g;
  // Rounding can put the variance below 0.
  let m = hyper[2] * momentum[i] + g / (sqrt(max(s - a * a, vec4f())) + hyper[3]);
  square[i] = s;
  mean[i] = a;
  momentum[i] = m;
  param[i] = w - hyper[0] * m;
}
