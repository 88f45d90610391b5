// nan.wgsl: NaN, lane by lane: V is f32 or vec4f, VU as many u32, B as many bool.

// By its bits, since compilers may take for granted that comparisons see no NaN.
fn is_nan(v: V) -> B {
  return (bitcast<VU>(v) & VU(0x7fffffffu)) > VU(0x7f800000u);
}
