// roi_list.wgsl: goes through the list of regions that roi_rows.wgsl made for a row of cells.
// needs: lists from roi_align_backward.wgsl | roi_pool_backward.wgsl

// The next entry whose columns hold this one, or `end`. A loop of its own, so that invocations find theirs
// before any of them works on it (and SwiftShader, which runs through skipped code, does not work on all).
fn next_region(start: u32, end: u32, column: u32) -> u32 {
  let place = min(column, 65535u);
  for (var at = start; at < end; at++) {
    let bounds = lists[at].y;
    if (place >= (bounds & 65535u) && place <= (bounds >> 16u)) { return at; }
  }
  return end;
}
