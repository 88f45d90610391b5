// depthwise_strip.wgsl: what invocations share that own two neighbouring columns.

struct Column { at: u32, inside: bool }
struct Pair { a: V, b: V }
struct Taps { a: V, b: V, c: V }

fn column(iw: i32, c: u32) -> Column {
  let inside = (iw >= 0) & (iw < p.W);
  return Column(select(0u, u32(iw), inside) * p.channels + c, inside);
}

// 0 left and right of the image.
fn load(row: u32, at: Column) -> V {
  return select(V(0.0), V(x[row + at.at]), at.inside);
}
