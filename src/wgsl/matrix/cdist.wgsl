// cdist.wgsl: y[n, m] = the distance of a[n] and b[m], from differences.
// A workgroup of 8 x 8 owns 32 x 32 pairs, an invocation 4 x 4 of them, 8 apart. The workgroup shares 16 values at a time of
// its 32 rows of a and of b: each row is read count / 32 times. Writes 1 per pair.
// needs: T from header; epilogue from epilogue_none.wgsl | fused.ts;
//   finish, term from sum_absolutes.wgsl | sum_squares.wgsl

struct Params {
  rows: u32,    // rows of a
  count: u32,   // rows of b
  width: u32,   // values per row
  across: u32,  // tiles in a row of tiles
  tiles: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<T>;
@group(0) @binding(2) var<storage, read> b: array<T>;
@group(0) @binding(3) var<storage, read_write> y: array<T>;

const TILE = 32u;
const STEP = 16u;
var<workgroup> tile_a: array<f32, TILE * STEP>;
var<workgroup> tile_b: array<f32, TILE * STEP>;

@compute @workgroup_size(64)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= p.tiles) { return; }
  let top = (tile / p.across) * TILE;
  let left = (tile % p.across) * TILE;
  let r = local / 8u;
  let c = local % 8u;
  // Four names, not an array: registers.
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  for (var first = 0u; first < p.width; first += STEP) {
    workgroupBarrier();
    for (var e = local; e < TILE * STEP; e += 64u) {
      let k = first + e % STEP;
      let row = e / STEP;
      let at = (e % STEP) * TILE + row;
      tile_a[at] = 0.0;
      tile_b[at] = 0.0;
      if (k < p.width && top + row < p.rows) { tile_a[at] = f32(a[(top + row) * p.width + k]); }
      if (k < p.width && left + row < p.count) { tile_b[at] = f32(b[(left + row) * p.width + k]); }
    }
    workgroupBarrier();
    for (var k = 0u; k < STEP; k++) {
      let at = k * TILE + c;
      let columns = vec4f(tile_b[at], tile_b[at + 8u], tile_b[at + 16u], tile_b[at + 24u]);
      let row = k * TILE + r;
      s0 = term(vec4f(tile_a[row]), columns, s0);
      s1 = term(vec4f(tile_a[row + 8u]), columns, s1);
      s2 = term(vec4f(tile_a[row + 16u]), columns, s2);
      s3 = term(vec4f(tile_a[row + 24u]), columns, s3);
    }
  }
  let sums = array(finish(s0), finish(s1), finish(s2), finish(s3));
  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) {
      let n = top + r + 8u * i;
      let m = left + c + 8u * j;
      if (n < p.rows && m < p.count) {
        let at = n * p.count + m;
        y[at] = T(epilogue(sums[i][j], at));
      }
    }
  }
}
