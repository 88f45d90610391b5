// max_pool2d_rows.wgsl: as max_pool2d.wgsl, for windows of at most 3x3 pixels without dilation.
// One invocation owns one column of y and of indices in one channel or four (T, V, VI, VU, B hold the lanes), and goes
// down `rows` rows of it: it takes the maximum of each row of x once, and keeps those of the last three rows in
// registers. A workgroup shares its rows and no memory. Reads KW * stride_h elements of x, writes one of y and one
// index per element.
// needs: KH, KW, LANES, T, V, VI, WORKGROUP from header; own_part from bands.wgsl; is_nan from nan.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  channels: u32,     // in lanes
  height: i32,
  width: i32,
  out_height: i32,
  out_width: u32,
  stride_h: i32,
  stride_w: i32,
  padding_h: i32,
  padding_w: i32,
  lowest: f32,       // -inf, which WGSL has no literal for
  across: u32,       // workgroups that share rows
  images: u32,
  segments: u32,     // of rows, in an image
  rows: i32,         // in a segment
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(0) @binding(3) var<storage, read_write> indices: array<VI>;

struct Best { value: V, place: VI }
struct Column { at: u32, iw: i32, inside: bool }

fn column(iw: i32, c: u32) -> Column {
  let inside = (iw >= 0) & (iw < p.width);
  return Column(select(0u, u32(iw), inside) * p.channels + c, iw, inside);
}

// The later of two, b, wins where it is larger or NaN.
fn better(a: Best, b: Best) -> Best {
  let wins = is_nan(b.value) | ((b.value > a.value) & !is_nan(a.value));
  return Best(select(a.value, b.value, wins), select(a.place, b.place, wins));
}

// Outside of x the lowest value, which wins against nothing.
fn pixel(row: u32, place: i32, k: Column) -> Best {
  return Best(select(V(p.lowest), V(x[row + k.at]), k.inside), VI(place + k.iw));
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let own = own_part(local, group, groups);
  if ((own.image >= p.images) | (own.column >= p.out_width)) { return; }
  let n = own.image;
  let ow = own.column;
  let c = own.channel;
  let first = i32(own.segment) * p.rows;
  let end = min(first + p.rows, p.out_height);
  let left = i32(ow) * p.stride_w - p.padding_w;
  let k0 = column(left, c);
  let k1 = column(left + 1, c);
  let k2 = column(left + 2, c);
  // Copies of what the loop uses of p: software adapters would load it again in each step.
  let height = p.height;
  let width = p.width;
  let stride = p.stride_h;
  let padding = p.padding_h;
  let x_row = u32(width) * p.channels;
  let y_row = p.out_width * p.channels;
  let image = n * u32(height) * x_row;
  let nothing = Best(V(p.lowest), VI(-1));
  // The last rows of x, the latest first, and the next one.
  var r0 = nothing;
  var r1 = nothing;
  var r2 = nothing;
  var next = first * stride - padding;
  var to = (n * u32(p.out_height) + u32(first)) * y_row + ow * p.channels + c;
  for (var oh = first; oh < end; oh++) {
    let top = oh * stride - padding;
    for (next = max(next, top); next < top + i32(KH); next++) {
      r2 = r1;
      r1 = r0;
      r0 = nothing;
      if ((next >= 0) & (next < height)) {
        let row = image + u32(next) * x_row;
        let place = next * width;
        r0 = pixel(row, place, k0);
        if (KW > 1u) { r0 = better(r0, pixel(row, place, k1)); }
        if (KW > 2u) { r0 = better(r0, pixel(row, place, k2)); }
      }
    }
    var best = r0;
    if (KH > 1u) { best = better(r1, best); }
    if (KH > 2u) { best = better(r2, best); }
    // Where nothing is larger than -inf, the first pixel inside is the maximum.
    let corner = VI(max(top, 0) * width + max(left, 0));
    best.place = select(best.place, corner, best.value == V(p.lowest));
    y[to] = T(epilogue(best.value, to * LANES));
    indices[to] = best.place;
    to += y_row;
  }
}
