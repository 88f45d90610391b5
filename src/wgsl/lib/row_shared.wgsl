// row_shared.wgsl: ACROSS neighbouring invocations share a row, so that they read neighbouring elements. ACROSS is a power of
// two, WORKGROUP at most. All invocations of a workgroup must call these functions, also those beyond the last row.
// needs: ACROSS, WORKGROUP from header; invocation_index from grid.wgsl

var<workgroup> row_values: array<vec2f, WORKGROUP>;

// The row of an invocation, and which of the row's invocations it is.
fn row_of(gid: vec3u, groups: vec3u) -> vec2u {
  let i = invocation_index(gid, groups);
  return vec2u(i / ACROSS, i % ACROSS);
}

fn merged(a: vec2f, b: vec2f, exps: bool) -> vec2f {
  if (!exps) { return a + b; }
  let largest = max(a.x, b.x);
  return vec2f(largest, a.y * exp(a.x - largest) + b.y * exp(b.x - largest));
}

fn all_of_row(gid: vec3u, own: vec2f, exps: bool) -> vec2f {
  let at = gid.x % WORKGROUP;
  let lane = at % ACROSS;
  row_values[at] = own;
  for (var step = ACROSS / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) { row_values[at] = merged(row_values[at], row_values[at + step], exps); }
  }
  workgroupBarrier();
  let all = row_values[at - lane];
  workgroupBarrier();
  return all;
}

// Of the pairs of a row's invocations: the largest first number, and the sum of the second ones, which are relative to the
// first: sum of exp(x - largest).
fn exps_of_row(gid: vec3u, own: vec2f) -> vec2f { return all_of_row(gid, own, true); }

// The sum of the pairs of a row's invocations.
fn sums_of_row(gid: vec3u, own: vec2f) -> vec2f { return all_of_row(gid, own, false); }
