// sgd_step.wgsl: one step of SGD with momentum over a flat buffer of parameters, in place.
// One invocation owns four elements; nothing is shared. Reads 3 and writes 2 values per element.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // vec4s
  last: u32,    // index of the last of the steps
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> grad: array<vec4f>;
// learning rate, momentum, weight decay, 1 for Nesterov
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
// of each 64 elements, or of all: 0 where they stay as they are
@group(0) @binding(4) var<storage, read> steps: array<f32>;
@group(0) @binding(5) var<storage, read_write> param: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> momentum: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total || steps[min(i / 16u, p.last)] <= 0.0) { return; }
  let w = param[i];
  let g = grad[i] * scale[0] + hyper[2] * w;
  let m = hyper[1] * momentum[i] + g;
  momentum[i] = m;
  param[i] = w - hyper[0] * select(m, g + hyper[1] * m, hyper[3] > 0.0);
}
