// special.wgsl: functions that WGSL lacks, over V (f32 or vec4f).

// The error function by Abramowitz and Stegun 7.1.26: absolute error 1.5e-7, about what f32 resolves at 1.
fn erf(x: V) -> V {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(x) * (1.0 - poly * exp(-x * x));
}

// a^b with the rules of C: 0^0 is 1, and a negative base takes whole exponents. WGSL's own pow is undefined there.
fn power(a: V, b: V) -> V {
  let magnitude = pow(abs(a), b);
  let odd = abs(b) % V(2.0) == V(1.0);
  let whole = select(magnitude, -magnitude, (a < V(0.0)) & odd);
  let real = select(whole, pow(a, b), (a < V(0.0)) & (fract(b) != V(0.0)));
  return select(real, V(1.0), b == V(0.0));
}
