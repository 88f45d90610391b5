// sum_parts.wgsl: y[i] = the bias plus the sum over s of parts[s, i], in order of s, in fours.
// One invocation owns four neighbouring channels; nothing is shared. Reads every part once, writes y once.
// needs: T, V, WORKGROUP from header; invocation_index from grid.wgsl;
//   bias from depthwise_bias.wgsl | depthwise_bias_none.wgsl;
//   begin_channels, epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,     // invocations: fours of y
  channels: u32,  // in fours
  splits: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> parts: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let channel = i % p.channels;
  var sum = V(0.0);
  for (var s = 0u; s < p.splits; s++) {
    sum += parts[s * p.total + i];
  }
  begin_channels(channel * 4u);
  y[i] = T(epilogue(sum + bias(channel), i * 4u));
}
