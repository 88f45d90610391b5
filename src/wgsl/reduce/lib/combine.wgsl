// combine.wgsl: sums, or products with PRODUCT, of values of type A.

fn nothing() -> A {
  if (PRODUCT) { return A(1); }
  return A(0);
}

fn combine(a: A, b: A) -> A {
  if (PRODUCT) { return a * b; }
  return a + b;
}
