import { describe, expect, it } from 'vitest';
import { fromHalf, halfBits, halfValue, roundToHalf, toHalf } from '../src/half.ts';

describe('half precision', () => {
  it('gives every bit pattern back, but for the payloads of NaN', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfValue(bits);
      if (Number.isNaN(value) ? !Number.isNaN(roundToHalf(value)) : halfBits(value) !== bits)
        wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('rounds every value between two neighbours to the nearer, and ties to the even one', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halfValue(bits), halfValue(bits + 1)];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? low : high;
      const near = (high - low) / 64;
      const good =
        roundToHalf(middle) === even &&
        roundToHalf(middle - near) === low &&
        roundToHalf(middle + near) === high &&
        roundToHalf(-middle) === -even;
      if (!good) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('goes to infinity from 65,520 on', () => {
    expect([65504, 65519.996, 65520, 1e30].map(roundToHalf)).toEqual([65504, 65504, Infinity, Infinity]);
    expect(roundToHalf(-65520)).toBe(-Infinity);
    expect(Object.is(roundToHalf(-1e-9), -0)).toBe(true);
  });

  it('converts arrays', () => {
    expect([...toHalf([1, -2, 0.5])]).toEqual([0x3c00, 0xc000, 0x3800]);
    expect([...fromHalf(Uint16Array.of(0x3c00, 0xc000, 0x3555))]).toEqual([1, -2, 0.333251953125]);
  });
});
