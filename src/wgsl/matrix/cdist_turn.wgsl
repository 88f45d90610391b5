// cdist_turn.wgsl: the rows of b as columns, so that neighbouring lanes read neighbouring values of cdist_subgroup8.wgsl.
// An invocation writes one value. Rows are as long as `stride`, and zeros fill them up.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // values of the turned b
  count: u32,   // rows of b
  width: u32,   // values per row
  stride: u32,  // values per row of the turned b
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> b: array<T>;
@group(0) @binding(2) var<storage, read_write> turned: array<T>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let k = i / p.stride;
  let m = i % p.stride;
  turned[i] = select(T(0), b[min(m, p.count - 1u) * p.width + k], m < p.count);
}
