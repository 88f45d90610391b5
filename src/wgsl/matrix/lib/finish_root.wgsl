// finish_root.wgsl: roots of the inner sums are the results.
// needs: V from header

fn finish(sum: V) -> V {
  return sqrt(sum);
}
