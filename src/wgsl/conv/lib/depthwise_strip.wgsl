// depthwise_strip.wgsl: loads and types of the shaders whose invocations own two neighbouring columns.
// needs: V from header; x, p.W, p.channels from depthwise_3x3.wgsl | depthwise_3x3_filter.wgsl

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
