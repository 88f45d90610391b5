// sort_lanes.wgsl: sorts the keys of a row with their places: radix sort, least significant digit first, BITS a pass.
// A workgroup is one subgroup and owns a row, a lane consecutive keys of it, which it takes in order, so that equal digits
// keep theirs. It counts them in shared memory of its own: no two lanes write one word. Moves 7 words per element and pass.
// needs: BITS, LANES from header

struct Params {
  total: u32,   // elements of all rows
  rows: u32,
  n: u32,       // elements per row
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> keys: array<u32>;    // of all rows, twice: passes go to and fro
@group(0) @binding(2) var<storage, read_write> order: array<u32>;   // likewise

const DIGITS = 1u << BITS;
var<workgroup> counts: array<u32, DIGITS * LANES>;   // by digit, then by lane; then where its next key goes
var<workgroup> sums: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 65535u + group.x;
  if (row >= p.rows) { return; }
  let share = (p.n + LANES - 1u) / LANES;
  let begin = min(lane * share, p.n);
  let end = min(begin + share, p.n);
  for (var shift = 0u; shift < 32u; shift += BITS) {
    let odd = (shift / BITS) % 2u;
    let source = row * p.n + odd * p.total;
    let target_row = row * p.n + (1u - odd) * p.total;
    for (var digit = 0u; digit < DIGITS; digit++) {
      counts[digit * LANES + lane] = 0u;
    }
    for (var i = begin; i < end; i++) {
      counts[((keys[source + i] >> shift) & (DIGITS - 1u)) * LANES + lane]++;
    }
    workgroupBarrier();
    var sum = 0u;
    for (var k = 0u; k < DIGITS; k++) {
      sum += counts[lane * DIGITS + k];
    }
    sums[lane] = sum;
    workgroupBarrier();
    sum = 0u;
    for (var other = 0u; other < lane; other++) {
      sum += sums[other];
    }
    for (var k = lane * DIGITS; k < (lane + 1u) * DIGITS; k++) {
      let count = counts[k];
      counts[k] = sum;
      sum += count;
    }
    workgroupBarrier();
    for (var i = begin; i < end; i++) {
      let key = keys[source + i];
      let counter = ((key >> shift) & (DIGITS - 1u)) * LANES + lane;
      let to = counts[counter];
      counts[counter] = to + 1u;
      keys[target_row + to] = key;
      order[target_row + to] = select(order[source + i], i, shift == 0u);
    }
    storageBarrier();
  }
}
