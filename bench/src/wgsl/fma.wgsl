// fma.wgsl: the adapter's rate of f32 multiply-adds, from registers alone. An invocation owns some chains of vec4 that do not wait
// for each other; it runs STEPS rounds of all of them. Moves 4 bytes an invocation. START, ROUND and TOTAL are written out, one
// term a chain: an array would live in memory.
@group(0) @binding(0) var<storage, read_write> dst: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  // Nothing that the compiler knows beforehand; near 1, so that the chains stay finite.
  let x = vec4f(dst[id.x] + 0.999);
  let y = vec4f(dst[id.x] + 0.001);
  START
  for (var step = 0u; step < STEPS; step++) {
    ROUND
  }
  let total = TOTAL;
  // Never so: only what keeps the sums alive.
  if (total.x + total.y + total.z + total.w == 12345.0) {
    dst[id.x] = total.x;
  }
}
