// power.wgsl: powers over V (f32 or vec4f); WGSL's own pow is undefined for negative bases, and for 0 with a negative exponent.
// needs: V from header

// a^b with the rules of C: 0^0 is 1, and a negative base takes whole exponents.
fn power(a: V, b: V) -> V {
  let odd = abs(b) % V(2.0) == V(1.0);
  let pole = select(V(1.0) / abs(a), V(1.0) / a, odd);
  let magnitude = select(pow(abs(a), b), pole, (a == V(0.0)) & (b < V(0.0)));
  let whole = select(magnitude, -magnitude, (a < V(0.0)) & odd);
  let real = select(whole, pow(a, b), (a < V(0.0)) & (fract(b) != V(0.0)));
  return select(real, V(1.0), b == V(0.0));
}
