// sum_turned.wgsl: dw[tap, c, o] = the sum over s of parts[s, tap, o, c], in order of s.
// One invocation owns one element; nothing is shared. Reads every part once, writes dw once.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,    // elements of dw
  splits: u32,
  channels: u32, // c
  results: u32,  // o
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i / p.results;
  let tap = row / p.channels;
  let at = (tap * p.results + i - row * p.results) * p.channels + row - tap * p.channels;
  var sum = 0.0;
  for (var s = 0u; s < p.splits; s++) { sum += parts[s * p.total + at]; }
  dw[i] = T(sum);
}
