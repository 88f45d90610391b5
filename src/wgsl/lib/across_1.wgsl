// across_1.wgsl: the sum and the maximum over the components of an A that is one f32.
// needs: A from header

fn total_across(v: A) -> f32 { return v; }
fn largest_across(v: A) -> f32 { return v; }
