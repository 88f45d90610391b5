// sort_key_int.wgsl: the key of an element of an i32 tensor.
// needs: T from header

fn sort_key(v: T) -> u32 {
  return bitcast<u32>(v) ^ 0x80000000u;
}
