// hamming_pairs.wgsl: in each tile of pairs of hashes, which are near each other, each pair once.
// A workgroup owns a tile of 64 * ROWS rows and COLUMNS columns; an invocation owns ROWS rows of it, which it keeps in registers while it goes
// through the columns. What happens with a pair is in pair_count.wgsl or pair_collect.wgsl.
// needs: WORDS, ROWS, COLUMNS from header; tile_of, take, finish from pair_count.wgsl | pair_collect.wgsl

struct Params {
  hashes: u32,
  distance: u32,
  first_row: u32,   // the first row of tiles
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hashes: array<u32>;      // [hashes, WORDS]

@compute @workgroup_size(64)
fn main(
  @builtin(local_invocation_id) lid: vec3u,
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let tile = tile_of(wid, groups);
  let first = tile.x * 64u * ROWS + lid.x;
  let start = tile.y * COLUMNS;
  let end = min(p.hashes, start + COLUMNS);
  if (end <= tile.x * 64u * ROWS + 1u) { return; }
  var rows: array<u32, ROWS * WORDS>;
  for (var r = 0u; r < ROWS; r++) {
    let i = min(first + 64u * r, p.hashes - 1u);
    for (var w = 0u; w < WORDS; w++) { rows[r * WORDS + w] = hashes[i * WORDS + w]; }
  }
  for (var j = start; j < end; j++) {
    var column: array<u32, WORDS>;
    for (var w = 0u; w < WORDS; w++) { column[w] = hashes[j * WORDS + w]; }
    // A bit for each row, so that what happens with pairs, which are few, is in the shader once.
    var near = 0u;
    for (var r = 0u; r < ROWS; r++) {
      var bits = 0u;
      for (var w = 0u; w < WORDS; w++) { bits += countOneBits(rows[r * WORDS + w] ^ column[w]); }
      near |= select(0u, 1u << r, (bits <= p.distance) & (first + 64u * r < j));
    }
    take(near, first, j);
  }
  finish();
}
