// digits.wgsl: 16 counters of 8 bits in four registers.

// A private array that is indexed at run time is kept in memory; four registers and a select are not. One
// invocation may count at most 255 elements.
fn digit_of(key: u32, shift: u32) -> u32 {
  return (key >> shift) & 15u;
}

fn counter_mask(digit: u32) -> vec4<bool> {
  return vec4u(digit >> 2u) == vec4u(0u, 1u, 2u, 3u);
}

fn counter_of(counters: vec4u, digit: u32) -> u32 {
  let word = select(vec4u(0u), counters, counter_mask(digit));
  return ((word.x | word.y | word.z | word.w) >> ((digit & 3u) * 8u)) & 255u;
}

fn counted(counters: vec4u, digit: u32) -> vec4u {
  return counters + select(vec4u(0u), vec4u(1u << ((digit & 3u) * 8u)), counter_mask(digit));
}
