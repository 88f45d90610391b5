// hash_resize.wgsl: one pass of Pillow's resize of bytes, along rows or along columns, by whole numbers: the same bits as on the CPU.
// An invocation owns a value of the result. No sum passes 2^31: weights of 22 bits sum up to 1, and the absolute ones to less than 2.
// needs: PACKED, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,         // values of the result, of all images
  lines: u32,         // rows, or columns
  to: u32,            // values of a line of the result
  in_image: u32,      // entries of `values` of an image: words where PACKED
  in_line: u32,       // from a line to the next, and from a value of a line to the next
  in_step: u32,
  out_line: u32,
  out_step: u32,
  stride: u32,        // of `taps`
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> values: array<u32>;          // a byte each, or four where PACKED
@group(0) @binding(2) var<storage, read> taps: array<u32>;            // [to, stride]: the first value, how many, their weights (i32)
@group(0) @binding(3) var<storage, read_write> resized: array<u32>;   // a byte each

fn value_at(start: u32, i: u32) -> i32 {
  if (PACKED) { return i32((values[start + (i >> 2u)] >> (8u * (i & 3u))) & 255u); }
  return i32(values[start + i]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let size = p.lines * p.to;
  let image = i / size;
  // Beside each other in the result: the values of a row.
  var line = (i % size) / p.to;
  var at = i % p.to;
  if (p.out_line == 1u) {
    line = i % p.lines;
    at = (i % size) / p.lines;
  }
  let tap = at * p.stride;
  let count = taps[tap + 1u];
  var place = line * p.in_line + taps[tap] * p.in_step;
  var sum = 1i << 21u;
  for (var k = 0u; k < count; k++) {
    sum += value_at(image * p.in_image, place) * bitcast<i32>(taps[tap + 2u + k]);
    place += p.in_step;
  }
  resized[image * size + line * p.out_line + at * p.out_step] = u32(clamp(sum >> 22u, 0, 255));
}
