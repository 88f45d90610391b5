// pack_columns.wgsl: a matrix with its columns in blocks of 32: those of one row after those of the row before, block after
// block. The last block is filled with what stands there.
// One invocation copies four columns of a row; nothing is shared. Reads and writes each element once.
// needs: T, WORKGROUP from header; invocation_index from grid.wgsl

struct Params {
  total: u32,   // rows * fours
  rows: u32,
  fours: u32,   // of columns
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let row = i / p.fours;
  let four = i - row * p.fours;
  y[(four / 8u * p.rows + row) * 8u + four % 8u] = x[i];
}
