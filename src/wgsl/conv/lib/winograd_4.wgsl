// winograd_4.wgsl: the one-dimensional transforms of F(4, 3): 4 results from 6 inputs with 6 products instead of 12.
// needs: V from header

const RESULTS = 4;
const POINTS = 6;

fn of_input(d: array<V, POINTS>) -> array<V, POINTS> {
  let a = d[4] - 4.0 * d[2];
  let b = d[3] - 4.0 * d[1];
  let c = d[4] - d[2];
  let e = 2.0 * (d[3] - d[1]);
  return array(4.0 * (d[0] - d[2]) + c, a + b, a - b, c + e, c - e, 4.0 * d[1] - 5.0 * d[3] + d[5]);
}

fn of_weight(g: array<V, 3>) -> array<V, POINTS> {
  let even = (g[0] + g[2]) / 6.0;
  let odd = g[1] / 6.0;
  let far = g[0] / 24.0 + g[2] / 6.0;
  let side = g[1] / 12.0;
  return array(0.25 * g[0], -even - odd, odd - even, far + side, far - side, g[2]);
}

fn to_output(m: array<V, POINTS>) -> array<V, RESULTS> {
  let near = m[1] + m[2];
  let apart = m[1] - m[2];
  let far = m[3] + m[4];
  let wide = m[3] - m[4];
  return array(m[0] + near + far, apart + 2.0 * wide, near + 4.0 * far, apart + 8.0 * wide + m[5]);
}
