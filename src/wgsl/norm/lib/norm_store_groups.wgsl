// norm_store_groups.wgsl: stores the two gradient sums of a group for norm_backward_apply.wgsl.

@group(0) @binding(6) var<storage, read_write> group_sums: array<vec2f>;

fn store_sums(o: u32, v: vec2f) { group_sums[o] = v; }
