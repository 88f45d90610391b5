// box_broadcast.wgsl: which boxes of the two inputs belong to box i of the result.
// needs: p.a0, p.a1, p.a2, p.b0, p.b1, p.b2, p.size1, p.size2 from box_decode.wgsl | box_decode_backward.wgsl |
//   box_encode.wgsl

// Leading dimensions are merged into three; an input without one of them has stride 0 there.
fn box_places(i: u32) -> vec2u {
  let at = vec3u(i / (p.size1 * p.size2), (i / p.size2) % p.size1, i % p.size2);
  let a = at.x * p.a0 + at.y * p.a1 + at.z * p.a2;
  let b = at.x * p.b0 + at.y * p.b1 + at.z * p.b2;
  return vec2u(a * 4u, b * 4u);
}
