// nan.wgsl: tests for NaN in each lane: V is f32 or vec4f, VU and B are u32 and bool of the same size.
// needs: B, V, VU from header

// A test of the bits, since compilers may assume that no NaN is compared.
fn is_nan(v: V) -> B {
  return (bitcast<VU>(v) & VU(0x7fffffffu)) > VU(0x7f800000u);
}
