// winograd_dy.wgsl: winograd_input.wgsl transforms tiles of dy, for a filter gradient.

const READ = RESULTS;

fn transform(d: array<V, READ>) -> array<V, POINTS> {
  return of_result(d);
}
