// depthwise_3x3_filter.wgsl: parts[s, kh, kw, c] = the sum over the pixels (n, oh, ow) of part s of x[n, oh * STRIDE -
// PH + kh, ow * STRIDE - PW + kw, c] * dy[n, oh, ow, c], for a 3x3 kernel.
// One invocation owns all nine taps in one channel or four (T and V hold the lanes), and goes down two neighbouring
// columns of dy, `rows` rows of them in each of `each` images: a row of x is multiplied with all rows of dy that it
// belongs to. Each image has a sum of its own, for accuracy. A workgroup shares its rows and no memory. Reads four
// pixels of x per two of dy (at stride 2: ten).
// needs: STRIDE, T, V, WORKGROUP from header; own_part from bands.wgsl;
//   columns_of, load_line, products from depthwise_columns_1.wgsl | depthwise_columns_2.wgsl;
//   Pair, Taps from depthwise_strip.wgsl

struct Params {
  channels: u32,        // in lanes
  H: i32, W: i32,       // the size of x
  OH: i32, OW: u32,     // the size of dy
  PH: i32, PW: i32,
  pairs: u32,           // of columns of dy
  across: u32,          // workgroups that share rows
  bands: u32,           // of rows and images
  images: u32,
  each: u32,            // images in a band
  segments: u32,        // of rows, in an image
  rows: i32,            // in a segment
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read_write> parts: array<V>;

fn add3(a: Taps, b: Taps) -> Taps {
  return Taps(a.a + b.a, a.b + b.b, a.c + b.c);
}

// Two neighbouring pixels of a row; 0 right of the image.
fn load_dy(at: u32, beside: u32, both: bool) -> Pair {
  return Pair(V(dy[at]), select(V(0.0), V(dy[at + beside]), both));
}

fn store(at: u32, w: Taps) {
  parts[at] = w.a;
  parts[at + p.channels] = w.b;
  parts[at + 2u * p.channels] = w.c;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let own = own_part(local, group, groups);
  if ((own.band >= p.bands) | (own.column >= p.pairs)) { return; }
  let turn = own.image;
  let pair = own.column;
  let c = own.channel;
  let first = i32(own.segment) * p.rows;
  let end = min(first + p.rows, p.OH);
  // Copies of what the loop uses of p: software adapters would load it again in each step.
  let at = columns_of(i32(pair * 2u * STRIDE) - p.PW, c);
  let H = p.H;
  let channels = p.channels;
  let x_row = u32(p.W) * channels;
  let dy_row = p.OW * channels;
  let both = pair * 2u + 1u < p.OW;
  let beside = select(0u, channels, both);
  // The steps at which the first row of the kernel enters x, and leaves it.
  let begin = clamp((p.PH + i32(STRIDE) - 1) / i32(STRIDE), first, end);
  let stop = min((H + p.PH + i32(STRIDE) - 1) / i32(STRIDE), end + i32(3u - STRIDE));
  var t0 = Taps();
  var t1 = t0;
  var t2 = t0;
  for (var n = turn * p.each; n < min((turn + 1u) * p.each, p.images); n++) {
    let image = n * u32(H) * x_row;
    var of_dy = (n * u32(p.OH) + u32(first)) * dy_row + pair * 2u * channels + c;
    var s0 = Taps();
    var s1 = s0;
    var s2 = s0;
    // The last one or two rows of dy before the one that the first row of the kernel meets in this step.
    var g1 = Pair();
    var g2 = g1;
    // The first row of the kernel is above x, then inside. Three loops, because software adapters pay for what a condition
    // skips in every step.
    for (var step = first; step < begin; step++) {
      let g0 = load_dy(of_dy, beside, both);
      of_dy += dy_row;
      let ih = step * i32(STRIDE) - p.PH + 1;
      if ((STRIDE == 2u) & (ih >= 0) & (ih < H)) { s1 = products(s1, load_line(image + u32(ih) * x_row, at), g0); }
      if (STRIDE == 1u) { g2 = g1; } else { g2 = g0; }
      g1 = g0;
    }
    var of_x = image + u32(begin * i32(STRIDE) - p.PH) * x_row;
    for (var step = begin; step < min(end, stop); step++) {
      let g0 = load_dy(of_dy, beside, both);
      of_dy += dy_row;
      let v = load_line(of_x, at);
      s0 = products(s0, v, g0);
      s2 = products(s2, v, g2);
      if (STRIDE == 1u) {
        s1 = products(s1, v, g1);
        g2 = g1;
        g1 = g0;
      } else {
        if (step * i32(STRIDE) - p.PH + 1 < H) { s1 = products(s1, load_line(of_x + x_row, at), g0); }
        g2 = g0;
      }
      of_x += STRIDE * x_row;
    }
    // Below the last row of dy.
    for (var step = end; step < stop; step++) {
      let ih = step * i32(STRIDE) - p.PH;
      if (ih >= 0) {
        let v = load_line(image + u32(ih) * x_row, at);
        if (STRIDE == 1u) { s1 = products(s1, v, g1); }
        s2 = products(s2, v, g2);
      }
      g2 = g1;
      g1 = Pair();
    }
    t0 = add3(t0, s0);
    t1 = add3(t1, s1);
    t2 = add3(t2, s2);
  }
  let to = (own.band * p.pairs + pair) * 9u * channels + c;
  store(to, t0);
  store(to + 3u * channels, t1);
  store(to + 6u * channels, t2);
}
