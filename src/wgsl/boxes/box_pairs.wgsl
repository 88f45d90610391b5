// box_pairs.wgsl: the IoU or generalized IoU of every box of a with every box of b.
// One invocation owns one pair; nothing is shared. Reads 8 elements per pair, mostly from cache, and writes 1.
// needs: GENERALIZED, T, WORKGROUP from header; invocation_index from grid.wgsl;
//   box_area, box_intersection, box_iou from box_iou.wgsl; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  total: u32,   // pairs
  rows: u32,    // boxes of a per batch entry
  count: u32,   // boxes of b per batch entry
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<T>;
@group(0) @binding(2) var<storage, read> b: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let n = i / p.count;
  let j = n * 4u;
  let k = (n / p.rows * p.count + i % p.count) * 4u;
  let first = vec4f(f32(a[j]), f32(a[j + 1u]), f32(a[j + 2u]), f32(a[j + 3u]));
  let second = vec4f(f32(b[k]), f32(b[k + 1u]), f32(b[k + 2u]), f32(b[k + 3u]));
  var value = box_iou(first, second);
  if (GENERALIZED) {
    let both = max(max(first.zw, second.zw) - min(first.xy, second.xy), vec2f(0.0));
    let hull = both.x * both.y;
    let whole = box_area(first) + box_area(second) - box_intersection(first, second);
    value -= select((hull - whole) / hull, 0.0, hull == 0.0);
  }
  y[i] = T(epilogue(value, i));
}
