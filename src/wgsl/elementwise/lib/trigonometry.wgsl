// trigonometry.wgsl: sine and cosine over V (f32 or vec4f) to the last digits of f32 on every device. WGSL allows its
// own sin and cos an error of 2^-11, and gives no bound beyond -π..π.
// needs: V from header

// sin(x + quarters π/2). x is reduced to the nearest multiple of π/2, which is subtracted in three parts (Cody and Waite;
// the parts and the polynomials are those of Cephes' sinf and cosf). Beyond 65,536 an f32 has no digits left for that: the
// result is only kept within -1..1. For infinities rest is NaN, and so is the result.
fn sine_from(x: V, quarters: f32) -> V {
  let turns = round(x * 0.6366197723675814);
  let rest = ((x - turns * 1.5703125) - turns * 4.837512969970703125e-4) - turns * 7.54978995489188216e-8;
  let far = (abs(x) >= V(65536.0)) & (abs(x) <= V(3.4028234e38));
  let r = select(rest, clamp(rest, V(-0.8), V(0.8)), far);
  let s = r * r;
  let sine = r + r * s * (-0.16666654611 + s * (8.3321608736e-3 - s * 1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s
    + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  let quarter = turns + quarters;
  let place = quarter - 4.0 * floor(quarter * 0.25);
  let value = select(sine, cosine, (place == V(1.0)) | (place == V(3.0)));
  return select(value, -value, place >= V(2.0));
}

fn sine(x: V) -> V {
  return sine_from(x, 0.0);
}

fn cosine(x: V) -> V {
  return sine_from(x, 1.0);
}
