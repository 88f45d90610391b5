// left_flat.wgsl: loads an element of the left operand where the inner sum treats taps and channels as one dimension.
// needs: T from header; p.C, p.DH, p.DW, p.H, p.W from conv_params.wgsl

@group(0) @binding(1) var<storage, read> x: array<T>;

// The offset of an element from the first source pixel of a row: rows, columns, and elements; far outside where there is none.
fn tap_of(kh: u32, kw: u32, channel: i32, inside: bool) -> vec3i {
  let rows = select(1 << 29, i32(kh) * p.DH, inside);
  return vec3i(rows, i32(kw) * p.DW, channel);
}

fn left(first: vec3i, there: vec3i) -> f32 {
  let ih = first.y + there.x;
  let iw = first.z + there.y;
  let inside = (ih >= 0) & (ih < i32(p.H)) & (iw >= 0) & (iw < i32(p.W));
  let at = ((first.x * i32(p.H) + ih) * i32(p.W) + iw) * i32(p.C) + there.z;
  return select(0.0, f32(x[select(0, at, inside)]), inside);
}
