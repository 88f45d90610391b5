// strided_copy.wgsl: y[c] = x at coordinates (c + shift) / step where these are whole and inside x's extent, else the
// fill value. This is permute, slice and its gradient, pad, flip and expand.
// One invocation owns one X (1 or 4 elements) of y; neighbours write neighbouring elements. Reads and writes each
// element once. (transpose.wgsl does a plain transpose of sizes that divide by 4.)
// needs: CHECKED, F, RANK, STEPPED, T, WORKGROUP, X from header; invocation_index from grid.wgsl

struct Params {
  total: u32,
  base: i32,                    // the place of coordinate 0 in x, in X
  fill: u32,                    // the fill value's bits
  size1: u32, size2: u32, size3: u32, size4: u32, size5: u32,      // of y, in X
  stride0: i32, stride1: i32, stride2: i32, stride3: i32, stride4: i32, stride5: i32,  // of x
  shift0: i32, shift1: i32, shift2: i32, shift3: i32, shift4: i32, shift5: i32,
  step0: i32, step1: i32, step2: i32, step3: i32, step4: i32, step5: i32,
  extent0: i32, extent1: i32, extent2: i32, extent3: i32, extent4: i32, extent5: i32,  // of x
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> y: array<X>;

struct Place {
  offset: i32,
  inside: bool,
}

// Adds a dimension. CHECKED is false where every coordinate is inside: base then includes the shifts.
fn along(place: Place, c: u32, stride: i32, shift: i32, step: i32, extent: i32) -> Place {
  if (!CHECKED) { return Place(place.offset + i32(c) * stride, true); }
  var q = i32(c) + shift;
  var inside = place.inside;
  if (STEPPED) {
    let quotient = q / step;
    inside = inside && quotient * step == q;
    q = quotient;
  }
  return Place(place.offset + q * stride, inside && q >= 0 && q < extent);
}

// From the last coordinate to the first.
fn place_of(i: u32) -> Place {
  var place = Place(p.base, true);
  var rest = i;
  if (RANK > 5u) {
    let next = rest / p.size5;
    place = along(place, rest - next * p.size5, p.stride5, p.shift5, p.step5, p.extent5);
    rest = next;
  }
  if (RANK > 4u) {
    let next = rest / p.size4;
    place = along(place, rest - next * p.size4, p.stride4, p.shift4, p.step4, p.extent4);
    rest = next;
  }
  if (RANK > 3u) {
    let next = rest / p.size3;
    place = along(place, rest - next * p.size3, p.stride3, p.shift3, p.step3, p.extent3);
    rest = next;
  }
  if (RANK > 2u) {
    let next = rest / p.size2;
    place = along(place, rest - next * p.size2, p.stride2, p.shift2, p.step2, p.extent2);
    rest = next;
  }
  if (RANK > 1u) {
    let next = rest / p.size1;
    place = along(place, rest - next * p.size1, p.stride1, p.shift1, p.step1, p.extent1);
    rest = next;
  }
  return along(place, rest, p.stride0, p.shift0, p.step0, p.extent0);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  let place = place_of(i);
  var value = X(T(bitcast<F>(p.fill)));
  if (place.inside) { value = x[place.offset]; }
  y[i] = value;
}
