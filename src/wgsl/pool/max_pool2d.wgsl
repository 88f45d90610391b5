// max_pool2d.wgsl: y[n, oh, ow, c] = the maximum of a window of x, indices = its place (h * width + w).
// One invocation owns one element of y and of indices, or four channels of them (T, V, VI, VU, B hold the lanes);
// nothing is shared. Reads kernel_h * kernel_w elements of x, writes one of y and one index per element. The first
// maximum wins; NaN wins over every number, and the last NaN over the ones before it, as in PyTorch.
// needs: LANES, T, V, VI, WORKGROUP from header; invocation_index from grid.wgsl; is_nan from nan.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,        // elements of y, in lanes
  height: i32,
  width: i32,
  channels: u32,     // in lanes
  out_height: u32,
  out_width: u32,
  kernel_h: i32,
  kernel_w: i32,
  stride_h: i32,
  stride_w: i32,
  padding_h: i32,
  padding_w: i32,
  dilation_h: i32,
  dilation_w: i32,
  lowest: f32,       // -inf, which WGSL has no literal for
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> indices: array<VI>;

// The first position of a window that is not in the padding.
fn inside(start: i32, dilation: i32) -> i32 {
  return select(start, start + (dilation - 1 - start) / dilation * dilation, start < 0);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let c = i % p.channels;
  let pixel = i / p.channels;
  let row = pixel / p.out_width;
  let start_h = i32(row % p.out_height) * p.stride_h - p.padding_h;
  let start_w = i32(pixel % p.out_width) * p.stride_w - p.padding_w;
  let end_h = min(start_h + p.kernel_h * p.dilation_h, p.height);
  let end_w = min(start_w + p.kernel_w * p.dilation_w, p.width);
  let first_h = inside(start_h, p.dilation_h);
  let first_w = inside(start_w, p.dilation_w);
  let image = (row / p.out_height) * u32(p.height * p.width);
  var best = V(p.lowest);
  var place = VI(select(-1, first_h * p.width + first_w, first_h < end_h && first_w < end_w));
  for (var h = first_h; h < end_h; h += p.dilation_h) {
    for (var w = first_w; w < end_w; w += p.dilation_w) {
      let here = h * p.width + w;
      let value = V(x[(image + u32(here)) * p.channels + c]);
      let wins = is_nan(value) | ((value > best) & !is_nan(best));
      best = select(best, value, wins);
      place = select(place, VI(here), wins);
    }
  }
  y[i] = T(epilogue(best, i * LANES));
  indices[i] = place;
}
