// transpose_weight.wgsl: y[tap, c, o] = weight[tap, o, c], with zeros up to a multiple of 4 results o.
// One invocation owns 4 results of one source channel; nothing is shared. 16 neighbours take neighbouring channels, so
// that they read 64 consecutive bytes, and the next 16 take the next results, so that cache lines are filled while they
// are in the cache. Reads and writes each element once.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,     // taps * chunks * blocks * 16
  channels: u32,
  chunks: u32,    // of 16 channels
  results: u32,
  blocks: u32,    // of 4 results
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weight: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;

fn value(row: u32, o: u32, c: u32) -> T {
  let last = p.results - 1u;
  return select(T(), weight[(row + min(o, last)) * p.channels + c], o <= last);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  let chunk = i / 16u / p.blocks;
  let tap = chunk / p.chunks;
  let c = (chunk - tap * p.chunks) * 16u + i % 16u;
  if ((i >= p.total) | (c >= p.channels)) { return; }
  let block = i / 16u - chunk * p.blocks;
  let row = tap * p.results;
  let o = block * 4u;
  y[(tap * p.channels + c) * p.blocks + block] =
    vec4<T>(value(row, o, c), value(row, o + 1u, c), value(row, o + 2u, c), value(row, o + 3u, c));
}
