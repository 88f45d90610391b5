// sobel.wgsl: y = |gradient| of x [H,W] by Sobel's filters, with the border repeated.
// One invocation owns one pixel; nothing is shared. Reads 8 neighbours and writes 1 pixel.
struct Params {
  total: u32,   // pixels
  height: u32,
  width: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn at(row: i32, column: i32) -> f32 {
  let r = u32(clamp(row, 0, i32(p.height) - 1));
  let c = u32(clamp(column, 0, i32(p.width) - 1));
  return x[r * p.width + c];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let r = i32(i / p.width);
  let c = i32(i % p.width);
  let left = at(r - 1, c - 1) + 2.0 * at(r, c - 1) + at(r + 1, c - 1);
  let right = at(r - 1, c + 1) + 2.0 * at(r, c + 1) + at(r + 1, c + 1);
  let above = at(r - 1, c - 1) + 2.0 * at(r - 1, c) + at(r - 1, c + 1);
  let below = at(r + 1, c - 1) + 2.0 * at(r + 1, c) + at(r + 1, c + 1);
  y[i] = sqrt((right - left) * (right - left) + (below - above) * (below - above));
}
