// cast_saturate.wgsl: float to integer: truncated, clamped to the range of the integer; NaN gives 0.
// needs: F, SIGNED, U, X, Y from header

fn convert(v: X) -> Y {
  let f = F(v);
  let nan = (bitcast<U>(f) & U(0x7fffffffu)) > U(0x7f800000u);
  if (SIGNED) {
    // 2147483520 is the largest f32 below 2^31.
    let whole = select(Y(clamp(f, F(-2147483648.0), F(2147483520.0))), Y(0x7fffffff), f >= F(2147483648.0));
    return select(whole, Y(0), nan);
  }
  let whole = select(Y(U(clamp(f, F(0.0), F(4294967040.0)))), Y(U(0xffffffffu)), f >= F(4294967296.0));
  return select(whole, Y(0), nan);
}
