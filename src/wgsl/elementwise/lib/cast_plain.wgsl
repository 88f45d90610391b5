// cast_plain.wgsl: WGSL's own conversion: to float it rounds to nearest, between integers it keeps the bits.
// needs: X, Y from header

fn convert(v: X) -> Y { return Y(v); }
