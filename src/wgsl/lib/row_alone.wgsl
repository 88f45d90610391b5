// row_alone.wgsl: an invocation has a row to itself (ACROSS is 1). In place of row_shared.wgsl.
// needs: invocation_index from grid.wgsl

fn row_of(gid: vec3u, groups: vec3u) -> vec2u { return vec2u(invocation_index(gid, groups), 0u); }
fn exps_of_row(gid: vec3u, own: vec2f) -> vec2f { return own; }
fn sums_of_row(gid: vec3u, own: vec2f) -> vec2f { return own; }
