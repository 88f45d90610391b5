// rand.wgsl: y[i] = a uniform random number in 0..1, from the seed and the index i alone.
// One invocation owns one element; nothing is shared. Writes 1 word per element.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,    // elements of y
  stream: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> seed: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// Every bit of the result depends on every bit of v (lowbias32 of Wellons 2018).
fn mix(v: u32) -> u32 {
  var x = v;
  x = (x ^ (x >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let start = mix(mix(bitcast<u32>(seed[0])) + p.stream);
  // 24 bits: a float below 1 has room for no more.
  y[i] = f32(mix(i * 0x9e3779b9u + start) >> 8u) * 0x1p-24f;
}
