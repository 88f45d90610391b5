// winograd_dy.wgsl: makes winograd_input.wgsl transform tiles of dy, for a filter gradient.
// needs: V from header; POINTS, RESULTS, of_result from winograd_2.wgsl

const READ = RESULTS;

fn transform(d: array<V, READ>) -> array<V, POINTS> {
  return of_result(d);
}
