/** IEEE 754 half precision and bfloat16 on the CPU: as bits (Uint16Array), because Float16Array is not in every engine yet. */

const word = new DataView(new ArrayBuffer(4));

/** The bits of the half that is nearest to a float32; ties go to the even one, magnitudes from 65,520 on to infinity. */
export function halfBits(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below 2^-14: multiples of 2^-24.
    return sign | roundToEven(Math.abs(word.getFloat32(0)) * 2 ** 24);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** The value of a half's bits. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The value that a half would hold. */
export const roundToHalf = (value: number): number => halfValue(halfBits(value));

export const toHalf = (values: ArrayLike<number>): Uint16Array => Uint16Array.from(values, halfBits);

/** The values of all halves by their bits, computed when they are first needed: weights have millions. */
let values: Float32Array | undefined;

export function fromHalf(bits: ArrayLike<number>): Float32Array {
  values ??= Float32Array.from({ length: 1 << 16 }, (_, i) => halfValue(i));
  const out = new Float32Array(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = values[bits[i]!]!;
  return out;
}

/** A bfloat16 is the upper half of a float32, so widening is exact. */
export function fromBfloat16(bits: ArrayLike<number>): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}
