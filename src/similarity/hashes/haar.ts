// Haar's wavelet in the order of PyWavelets' operations, in float64: where values are equal in theory, their last bits decide what is above the
// median, and they must be the same ones.

/** The filter of PyWavelets: the square root of 1 / 2. */
const C = Math.SQRT1_2;

/** Half the side: the low-pass values of each 2x2 block of [side, side]. */
function lowPass(values: Float64Array, side: number): Float64Array {
  const half = side / 2;
  const low = new Float64Array(half * half);
  for (let y = 0, to = 0; y < half; y++) {
    for (let at = 2 * y * side, end = at + side; at < end; at += 2, to++) {
      const left = C * values[at + side]! + C * values[at]!;
      const right = C * values[at + side + 1]! + C * values[at + 1]!;
      low[to] = C * right + C * left;
    }
  }
  return low;
}

/** Gives each 2x2 block of [side, side] another low-pass value, `low` [side / 2, side / 2], and leaves it its details. */
function replaceLow(values: Float64Array, low: Float64Array, side: number): void {
  const half = side / 2;
  for (let y = 0, from = 0; y < half; y++) {
    for (let at = 2 * y * side, end = at + side; at < end; at += 2, from++) {
      const below = at + side;
      const a = C * values[at]!;
      const b = C * values[at + 1]!;
      const c = C * values[below]!;
      const d = C * values[below + 1]!;
      const lowLeft = C * (c + a);
      const lowRight = C * (d + b);
      const highLeft = C * (a - c);
      const highRight = C * (b - d);
      const own = C * low[from]!;
      const across = C * (lowLeft - lowRight);
      const down = C * (highRight + highLeft);
      const both = C * (highLeft - highRight);
      const left = C * (own + across);
      const right = C * (own - across);
      const leftDetail = C * (down + both);
      const rightDetail = C * (down - both);
      values[at] = left + leftDetail;
      values[at + 1] = right + rightDetail;
      values[below] = left - leftDetail;
      values[below + 1] = right - rightDetail;
    }
  }
}

/**
 * Halves [side, side] values, which it changes, by Haar's wavelet until the side is `to`. Sides are powers of 2.
 *
 * @param options `removeMean`: the low-pass value of all is set to 0 before, so that the mean does not count.
 */
export function haarLowPass(
  values: Float64Array,
  side: number,
  { to, removeMean }: { readonly to: number; readonly removeMean: boolean },
): Float64Array {
  if (removeMean) {
    const levels = [values];
    for (let size = side; size > 1; size /= 2) levels.push(lowPass(levels.at(-1)!, size));
    levels.at(-1)!.fill(0);
    for (let level = levels.length - 2; level >= 0; level--) {
      replaceLow(levels[level]!, levels[level + 1]!, side / 2 ** level);
    }
  }
  let low = values;
  for (let size = side; size > to; size /= 2) low = lowPass(low, size);
  return low;
}
