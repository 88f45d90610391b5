// row_levels.wgsl: which positions of x a row has, where an image has a row for each level of a pyramid.
// needs: LEVELS from header;
//   p.positions from norm_apply.wgsl | norm_backward_apply.wgsl | norm_backward_moments.wgsl |
//     norm_backward_whole.wgsl | norm_block_apply.wgsl | norm_block_backward_apply.wgsl |
//     norm_block_backward_moments.wgsl | norm_block_moments.wgsl | norm_combine.wgsl | norm_moments.wgsl | norm_whole.wgsl

// Height, width, first position and number of positions of each level.
@group(0) @binding(11) var<storage, read> levels: array<vec4u>;

fn row_first(row: u32) -> u32 { return row / LEVELS * p.positions + levels[row % LEVELS].z; }
fn row_length(row: u32) -> u32 { return levels[row % LEVELS].w; }
