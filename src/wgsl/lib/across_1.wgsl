// across_1.wgsl: a value over the components of an A, where A is one f32.

fn total_across(v: A) -> f32 { return v; }
fn largest_across(v: A) -> f32 { return v; }
