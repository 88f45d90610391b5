// transpose.wgsl: y[b, c, r] = x[b, r, c], four by four.
// One invocation owns 4 rows of 4 columns: 4 vec4 loads and 4 vec4 stores for 16 elements, where one element at a time
// would take 32, scattered on one side; nothing is shared. Neighbours take neighbouring r, so that writes are
// contiguous.
// needs: WORKGROUP, X from header; invocation_index from grid.wgsl

struct Params {
  total: u32,
  rows: u32,      // r in groups of 4
  columns: u32,   // c in groups of 4
  stride: u32,    // from one r to the next in x, in vec4
  batch: u32,     // from one b to the next in x, in vec4
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let rest = i / p.rows;
  let r = i - rest * p.rows;
  let b = rest / p.columns;
  let c = rest - b * p.columns;
  let source = b * p.batch + r * 4u * p.stride + c;
  let r0 = x[source];
  let r1 = x[source + p.stride];
  let r2 = x[source + 2u * p.stride];
  let r3 = x[source + 3u * p.stride];
  let place = rest * 4u * p.rows + r;
  y[place] = X(r0.x, r1.x, r2.x, r3.x);
  y[place + p.rows] = X(r0.y, r1.y, r2.y, r3.y);
  y[place + 2u * p.rows] = X(r0.z, r1.z, r2.z, r3.z);
  y[place + 3u * p.rows] = X(r0.w, r1.w, r2.w, r3.w);
}
