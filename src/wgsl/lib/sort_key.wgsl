// sort_key.wgsl: an unsigned integer for each float, in the same order.

// Floats: -0 equals +0, NaN is greater than +infinity, whatever its sign and payload. A negative float's
// bits grow with its magnitude, so they are inverted; all others only need the sign bit set.
fn float_key(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  if ((bits & 0x80000000u) == 0u || bits == 0x80000000u) { return bits | 0x80000000u; }
  return ~bits;
}
