// one_hot.wgsl: y[i, k] = 1 where k is label i, else 0.
// One invocation owns one element of y; nothing is shared. Reads one label and writes one word per element.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,    // elements of y
  classes: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  y[i] = select(0.0, 1.0, labels[i / p.classes] == i32(i % p.classes));
}
