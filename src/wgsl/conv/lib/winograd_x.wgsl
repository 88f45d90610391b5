// winograd_x.wgsl: winograd_input.wgsl transforms tiles of x.

const READ = POINTS;

fn transform(d: array<V, READ>) -> array<V, POINTS> {
  return of_input(d);
}
