// Haar's wavelet in the order of PyWavelets' operations, in float64: where values are equal in theory, their last bits decide what is above the
// median, and they must be the same ones.

/** The filter of PyWavelets: the square root of 1 / 2. */
const C = Math.SQRT1_2;

/** Half the side: the low-pass values of each 2x2 block of [side, side]. */
function lowPass(values: Float64Array, side: number): Float64Array {
  const half = side / 2;
  const low = new Float64Array(half * half);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      const at = 2 * y * side + 2 * x;
      const left = C * values[at + side]! + C * values[at]!;
      const right = C * values[at + side + 1]! + C * values[at + 1]!;
      low[y * half + x] = C * right + C * left;
    }
  }
  return low;
}

/** [side, side] values of which each 2x2 block has the details of `values`, and `low` [side / 2, side / 2] instead of its low-pass value. */
function withLow(values: Float64Array, low: Float64Array, side: number): Float64Array {
  const half = side / 2;
  const result = new Float64Array(side * side);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      const at = 2 * y * side + 2 * x;
      const [a, b, c, d] = [values[at]!, values[at + 1]!, values[at + side]!, values[at + side + 1]!];
      const [lowLeft, lowRight] = [C * c + C * a, C * d + C * b];
      const [highLeft, highRight] = [-C * c + C * a, -C * d + C * b];
      const across = -C * lowRight + C * lowLeft;
      const [down, both] = [C * highRight + C * highLeft, -C * highRight + C * highLeft];
      const own = low[y * half + x]!;
      const [l, r] = [C * own + C * across, C * own - C * across];
      const [hl, hr] = [C * down + C * both, C * down - C * both];
      result[at] = C * l + C * hl;
      result[at + 1] = C * r + C * hr;
      result[at + side] = C * l - C * hl;
      result[at + side + 1] = C * r - C * hr;
    }
  }
  return result;
}

/**
 * Halves [side, side] values by Haar's wavelet until the side is `to`. Sides are powers of 2.
 *
 * @param options `removeMean`: the low-pass value of all is set to 0 before, so that the mean does not count.
 */
export function haarLowPass(
  values: Float64Array,
  side: number,
  { to, removeMean }: { readonly to: number; readonly removeMean: boolean },
): Float64Array {
  let current: Float64Array = values;
  if (removeMean) {
    const levels = [values];
    for (let size = side; size > 1; size /= 2) levels.push(lowPass(levels.at(-1)!, size));
    let low: Float64Array = new Float64Array(1);
    for (let level = levels.length - 2; level >= 0; level--)
      low = withLow(levels[level]!, low, side / 2 ** level);
    current = low;
  }
  for (let size = side; size > to; size /= 2) current = lowPass(current, size);
  return current;
}
