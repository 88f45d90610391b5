// channel_window.wgsl: what local response norm and its gradient share: the parameters, x, and the number that each
// element of x is divided by, before its power is taken.
// needs: T from header

struct Params {
  total: u32,     // elements of x
  channels: u32,
  before: u32,    // channels of a window before its own
  after: u32,     // and after
  scale: f32,     // alpha / size
  beta: f32,
  k: f32,
}
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;

// The elements begin <= j < end of the same pixel as i that lie up to `before` channels before it and `after` after it.
fn window_of(i: u32, before: u32, after: u32) -> vec2u {
  let c = i % p.channels;
  return vec2u(i - min(before, c), i + min(after, p.channels - 1u - c) + 1u);
}

// k + alpha / size * the sum of the squares around element i; channels that do not exist count as zeros.
fn denominator(i: u32) -> f32 {
  let window = window_of(i, p.before, p.after);
  var squares = 0.0;
  for (var j = window.x; j < window.y; j++) {
    let v = f32(x[j]);
    squares += v * v;
  }
  return p.k + p.scale * squares;
}
