// depthwise_columns_2.wgsl: the five pixels of a row of x that two neighbouring pixels of y use at stride 2.
// needs: V from header; Column, Pair, Taps, column, load from depthwise_strip.wgsl

struct Columns { a: Column, b: Column, c: Column, d: Column, e: Column }
struct Line { a: V, b: V, c: V, d: V, e: V }

fn columns_of(left: i32, c: u32) -> Columns {
  return Columns(
    column(left, c), column(left + 1, c), column(left + 2, c), column(left + 3, c), column(left + 4, c),
  );
}

fn load_line(row: u32, at: Columns) -> Line {
  return Line(load(row, at.a), load(row, at.b), load(row, at.c), load(row, at.d), load(row, at.e));
}

// The pair of y plus the products of one row of the kernel.
fn add(sum: Pair, v: Line, w: Taps) -> Pair {
  return Pair(
    sum.a + v.a * w.a + v.b * w.b + v.c * w.c,
    sum.b + v.c * w.a + v.d * w.b + v.e * w.c,
  );
}

// The gradient of one row of the kernel plus the products with the pair g of dy.
fn products(sum: Taps, v: Line, g: Pair) -> Taps {
  return Taps(
    sum.a + v.a * g.a + v.c * g.b,
    sum.b + v.b * g.a + v.d * g.b,
    sum.c + v.c * g.a + v.e * g.b,
  );
}
