// depthwise_columns_1.wgsl: the four pixels of a row of x that two neighbouring pixels of y use at stride 1.
// needs: V from header; Column, Pair, Taps, column, load from depthwise_strip.wgsl

struct Columns { a: Column, b: Column, c: Column, d: Column }
struct Line { a: V, b: V, c: V, d: V }

fn columns_of(left: i32, c: u32) -> Columns {
  return Columns(column(left, c), column(left + 1, c), column(left + 2, c), column(left + 3, c));
}

fn load_line(row: u32, at: Columns) -> Line {
  return Line(load(row, at.a), load(row, at.b), load(row, at.c), load(row, at.d));
}

// The pair of y plus the products of one row of the kernel.
fn add(sum: Pair, v: Line, w: Taps) -> Pair {
  return Pair(
    sum.a + v.a * w.a + v.b * w.b + v.c * w.c,
    sum.b + v.b * w.a + v.c * w.b + v.d * w.c,
  );
}

// The gradient of one row of the kernel plus the products with the pair g of dy.
fn products(sum: Taps, v: Line, g: Pair) -> Taps {
  return Taps(
    sum.a + v.a * g.a + v.b * g.b,
    sum.b + v.b * g.a + v.c * g.b,
    sum.c + v.c * g.a + v.d * g.b,
  );
}
