// combine.wgsl: sums, or with PRODUCT products, of values of type A.
// needs: A, PRODUCT from header

fn nothing() -> A {
  if (PRODUCT) { return A(1); }
  return A(0);
}

fn combine(a: A, b: A) -> A {
  if (PRODUCT) { return a * b; }
  return a + b;
}
