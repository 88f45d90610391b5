// sort_key_float.wgsl: the key of an element of a float tensor.
// needs: T from header; float_key from sort_key.wgsl

fn sort_key(v: T) -> u32 {
  return float_key(f32(v));
}
