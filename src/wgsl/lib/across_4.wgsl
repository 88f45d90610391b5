// across_4.wgsl: a value over the components of an A, where A is a vec4f.

fn total_across(v: A) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn largest_across(v: A) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
