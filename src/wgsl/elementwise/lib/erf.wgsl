// erf.wgsl: the error function over V (f32 or vec4f), which WGSL lacks.
// needs: V from header

// Abramowitz and Stegun 7.1.26: absolute error 1.5e-7, about what f32 resolves at 1.
fn erf(x: V) -> V {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(x) * (1.0 - poly * exp(-x * x));
}
