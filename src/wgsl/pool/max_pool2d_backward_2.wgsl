// max_pool2d_backward_2.wgsl: as max_pool2d_backward.wgsl, for windows of 2 or 3 pixels at stride 2 on both axes.
// One invocation owns two neighbouring columns of dx in one channel or four (T, V, VI hold the lanes), and goes down
// `rows` pairs of rows: four windows meet in the upper left pixel of a 2x2 square, two in its neighbours, and one in
// the last pixel. A workgroup shares its rows and no memory. Reads two indices and two elements of dy per four of dx,
// and one extra row of both per `rows`.
// needs: KW, LANES, T, V, VI, WORKGROUP from header; own_part from bands.wgsl;
//   epilogue from epilogue_none.wgsl | fused.ts

struct Params {
  channels: u32,     // in lanes
  height: i32,
  width: i32,
  out_height: i32,
  out_width: i32,
  padding_h: i32,
  padding_w: i32,
  pairs: u32,        // of columns of dx
  across: u32,       // workgroups that share rows
  images: u32,
  segments: u32,     // of rows, in an image
  rows: i32,         // pairs of rows in a segment
  steps: i32,        // and in an image
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> indices: array<VI>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;

struct Window { dy: V, place: VI }
struct Pair { a: Window, b: Window }

// The window at column ow of a row; place -1, which no pixel has, where there is none.
fn window(row: u32, ow: i32, c: u32) -> Window {
  let inside = (ow >= 0) & (ow < p.out_width);
  let at = row + select(0u, u32(ow), inside) * p.channels + c;
  return Window(V(dy[at]), select(VI(-1), indices[at], inside));
}

// Windows ow - 1 and ow of a row.
fn load(n: u32, oh: i32, ow: i32, c: u32) -> Pair {
  var pair = Pair(Window(V(0.0), VI(-1)), Window(V(0.0), VI(-1)));
  if ((oh >= 0) & (oh < p.out_height)) {
    let row = (n * u32(p.out_height) + u32(oh)) * u32(p.out_width) * p.channels;
    if (KW > 2u) { pair.a = window(row, ow - 1, c); }
    pair.b = window(row, ow, c);
  }
  return pair;
}

// The gradient that a window passes on to this pixel.
fn share(v: Window, here: i32) -> V {
  return select(V(0.0), v.dy, v.place == VI(here));
}

fn store(n: u32, h: i32, w: i32, c: u32, v: V) {
  if ((w >= 0) & (w < p.width)) {
    let i = ((n * u32(p.height) + u32(h)) * u32(p.width) + u32(w)) * p.channels + c;
    dx[i] = T(epilogue(v, i * LANES));
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let own = own_part(local, group, groups);
  if ((own.image >= p.images) | (own.column >= p.pairs)) { return; }
  let n = own.image;
  let pair = own.column;
  let c = own.channel;
  let ow = i32(pair);
  let w = 2 * ow - p.padding_w;
  let first = i32(own.segment) * p.rows;
  let end = min(first + p.rows, p.steps);
  var above = load(n, first - 1, ow, c);
  for (var oh = first; oh < end; oh++) {
    let v = load(n, oh, ow, c);
    let h = 2 * oh - p.padding_h;
    let here = h * p.width + w;
    let below = here + p.width;
    if (h >= 0) {
      store(n, h, w, c, share(above.a, here) + share(above.b, here) + share(v.a, here) + share(v.b, here));
      store(n, h, w + 1, c, share(above.b, here + 1) + share(v.b, here + 1));
    }
    if (h + 1 < p.height) {
      store(n, h + 1, w, c, share(v.a, below) + share(v.b, below));
      store(n, h + 1, w + 1, c, share(v.b, below + 1));
    }
    above = v;
  }
}
