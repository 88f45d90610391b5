// roi_list.wgsl: goes through the list of regions that roi_rows.wgsl made for a row of cells.
// needs: lists from roi_align_backward.wgsl | roi_pool_backward.wgsl

// The next entry whose columns include this one, or `end`. A separate loop, so that all invocations find their entries
// before any of them processes one (SwiftShader also executes what is skipped, and would process every entry).
fn next_region(start: u32, end: u32, column: u32) -> u32 {
  let place = min(column, 65535u);
  for (var at = start; at < end; at++) {
    let bounds = lists[at].y;
    if (place >= (bounds & 65535u) && place <= (bounds >> 16u)) { return at; }
  }
  return end;
}
