// winograd_x.wgsl: makes winograd_input.wgsl transform tiles of x.
// needs: V from header; POINTS, of_input from winograd_2.wgsl | winograd_4.wgsl

const READ = POINTS;

fn transform(d: array<V, READ>) -> array<V, POINTS> {
  return of_input(d);
}
