// roi_align_weight.wgsl: the weight of a bin's samples on one cell of an axis.
// needs: RoiAxis, sample_at, samples_between from roi_align_axis.wgsl

// The positions between which a sample has a weight on a cell; border cells also take samples just outside.
fn reach_of(cell: i32, size: i32) -> vec2f {
  return vec2f(f32(cell - 1), select(f32(cell + 1), f32(size), cell == size - 1));
}

// The sum of the weights on a cell of a bin's samples.
fn weight_on(cell: i32, axis: RoiAxis, bin: i32, reach: vec2f, size: i32) -> f32 {
  let origin = axis.start + f32(bin) * axis.bin;
  let range = samples_between(axis, origin, reach.x, reach.y);
  var weight = 0.0;
  for (var k = range.x; k < range.y; k++) {
    let at = sample_at(axis, origin, k, size);
    weight += select(0.0, max(0.0, 1.0 - abs(f32(cell) - at)), at >= 0.0);
  }
  return weight;
}
