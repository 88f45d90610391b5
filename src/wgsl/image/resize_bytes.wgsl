// resize_bytes.wgsl: OpenCV's resize (INTER_LINEAR) of bytes, in its integers; images in 0..1, which are rounded to bytes first.
// One invocation owns a pixel of y: it reads the two taps of its row and of its column, and four pixels of x. Sums of a row are kept in
// 1/128ths of a byte (>> 4), and the sum of both in quarters (>> 16): the same bits as on the CPU.
// needs: WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,      // pixels of y
  width: u32,      // of x
  out_width: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;             // [height, width, 3]
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;        // (first, second, their weights in 2048ths)
@group(0) @binding(3) var<storage, read> columns: array<vec4i>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;       // [out_height, out_width, 3]

fn byte_at(row: i32, column: i32, channel: u32) -> i32 {
  let at = 3u * (u32(row) * p.width + u32(column)) + channel;
  return i32(floor(x[at] * 255.0 + 0.5)) & 255;
}

fn across(row: i32, column: vec4i, channel: u32) -> i32 {
  return (column.z * byte_at(row, column.x, channel) + column.w * byte_at(row, column.y, channel)) >> 4u;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = rows[i / p.out_width];
  let column = columns[i % p.out_width];
  for (var channel = 0u; channel < 3u; channel++) {
    let above = (row.z * across(row.x, column, channel)) >> 16u;
    let below = (row.w * across(row.y, column, channel)) >> 16u;
    y[3u * i + channel] = f32((above + below + 2) >> 2u) / 255.0;
  }
}
