// across_4.wgsl: the sum and the maximum over the components of an A that is a vec4f.
// needs: A from header

fn total_across(v: A) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn largest_across(v: A) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
