// copy.wgsl: the adapter's memory bandwidth. An invocation copies ITEMS vec4, neighbours side by side: 32 bytes move for each.
@group(0) @binding(0) var<storage, read> src: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let first = group.x * LANES * ITEMS + local.x;
  for (var i = 0u; i < ITEMS; i++) {
    dst[first + i * LANES] = src[first + i * LANES];
  }
}
