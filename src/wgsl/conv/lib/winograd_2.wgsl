// winograd_2.wgsl: the one-dimensional transforms of F(2, 3): 2 results from 4 inputs with 4 products instead of 6.
// needs: V from header

const RESULTS = 2;
const POINTS = 4;

fn of_input(d: array<V, POINTS>) -> array<V, POINTS> {
  return array(d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]);
}

fn of_weight(g: array<V, 3>) -> array<V, POINTS> {
  let even = 0.5 * (g[0] + g[2]);
  let odd = 0.5 * g[1];
  return array(g[0], even + odd, even - odd, g[2]);
}

fn to_output(m: array<V, POINTS>) -> array<V, RESULTS> {
  return array(m[0] + m[1] + m[2], m[1] - m[2] - m[3]);
}

// The transposes of to_output and of_weight, for the gradient of the filter.
fn of_result(d: array<V, RESULTS>) -> array<V, POINTS> {
  return array(d[0], d[0] + d[1], d[0] - d[1], -d[1]);
}

fn to_weight(m: array<V, POINTS>) -> array<V, 3> {
  let even = 0.5 * (m[1] + m[2]);
  return array(m[0] + even, 0.5 * (m[1] - m[2]), even + m[3]);
}
