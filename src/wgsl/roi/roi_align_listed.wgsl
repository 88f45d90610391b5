// roi_align_listed.wgsl: y[r, ph, pw, c] = the sum of the cells that roi_align_lists.wgsl listed, times their weights.
// One invocation owns four bins in a row, of one element or four channels (T and V hold the lanes); nothing is shared.
// It goes through the columns of cells that the four touch: the sum down a column, two cells at a time, serves all of
// them. Neighbouring lanes own neighbouring channels. Reads each cell once per four bins, and 5 words of lists per
// column.
// needs: B, COLUMNS, LANES, ROWS, T, V from header; epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  regions: u32,
  channels: u32,     // in lanes
  below: u32,        // lanes from a cell to the one below
  pooled_h: u32,
  pooled_w: u32,
  fours: u32,
  row_room: u32,
  column_room: u32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> src: array<T>;
@group(0) @binding(2) var<storage, read> words: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<vec4u>;
@group(0) @binding(4) var<storage, read> columns: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dst: array<T>;

// A bin that a column does not touch stays as it is, even where the column has NaN or infinity.
fn part(weight: f32, v: V) -> V {
  return select(V(0), weight * v, B(weight != 0.0));
}

@compute @workgroup_size(COLUMNS, ROWS)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let c = gid.x;
  let region = gid.y;
  if ((c >= p.channels) | (region >= p.regions)) { return; }
  let line = gid.z / p.fours;
  let four = gid.z % p.fours;
  let lists = p.pooled_h + p.fours;
  let row_begin = (region * p.pooled_h + line) * p.row_room;
  let row_end = words[region * lists + line];
  let column_begin = (region * p.fours + four) * p.column_room;
  let column_end = words[region * lists + p.pooled_h + four];
  let cells = p.regions * lists;
  var sum0 = V(0);
  var sum1 = V(0);
  var sum2 = V(0);
  var sum3 = V(0);
  for (var k = column_begin; k < column_end; k++) {
    let top = words[cells + k] * p.channels + c;
    var sum = V(0);
    for (var j = row_begin; j < row_end; j++) {
      let row = rows[j];
      sum += bitcast<f32>(row.x) * V(src[top + row.z * p.below]) + bitcast<f32>(row.y) * V(src[top + row.w * p.below]);
    }
    let across = columns[k];
    sum0 += part(across.x, sum);
    sum1 += part(across.y, sum);
    sum2 += part(across.z, sum);
    sum3 += part(across.w, sum);
  }
  let to = ((region * p.pooled_h + line) * p.pooled_w + 4u * four) * p.channels + c;
  let bins = p.pooled_w - 4u * four;
  keep(to, sum0);
  if (bins > 1u) { keep(to + p.channels, sum1); }
  if (bins > 2u) { keep(to + 2u * p.channels, sum2); }
  if (bins > 3u) { keep(to + 3u * p.channels, sum3); }
}

fn keep(at: u32, v: V) {
  dst[at] = T(epilogue(v, at * LANES));
}
