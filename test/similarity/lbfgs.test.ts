import { describe, expect, it } from 'vitest';
import { minimize, type Objective } from '../../src/similarity/hypercolumns/lbfgs.ts';

const options = { maxIter: 200, tol: 1e-6 };
const largest = (values: Iterable<number>) => Math.max(...[...values].map(Math.abs));

/** 1 + sum of c_i (x_i - i)² / 2, with curvatures from 0.01 to 10. */
const bowl =
  (digits: (value: number) => number): Objective =>
  async (x) => {
    const c = x.map((_, i) => 0.01 * 1000 ** (i / (x.length - 1)));
    const value = x.reduce((sum, at, i) => sum + (c[i]! * (at - i) ** 2) / 2, 1);
    return { value: digits(value), gradient: x.map((at, i) => c[i]! * (at - i)) };
  };

describe('minimize', () => {
  it('finds the end of Rosenbrock’s valley', async () => {
    const valley: Objective = async ([x, y]) => ({
      value: (1 - x!) ** 2 + 100 * (y! - x! ** 2) ** 2,
      gradient: Float64Array.of(-2 * (1 - x!) - 400 * x! * (y! - x! ** 2), 200 * (y! - x! ** 2)),
    });
    const { x, iterations } = await minimize(valley, Float64Array.of(-1.2, 1), options);
    expect(largest([x[0]! - 1, x[1]! - 1])).toBeLessThan(1e-5);
    expect(iterations).toBeLessThan(60);
  });

  it.each([
    ['float64', (value: number) => value],
    ['f32', Math.fround],
    // As of sums whose order changes with x: noise of a few times f32's.
    ['fewer', (value: number) => value * (1 + 3e-7 * Math.sin(1e9 * value))],
  ])('gets to the minimum where values have the digits of %s', async (_name, digits) => {
    const { x } = await minimize(bowl(digits), new Float64Array(12), options);
    const { gradient } = await bowl(digits)(x);
    expect(largest(gradient)).toBeLessThanOrEqual(1e-6);
  });

  it('ends where rounding lets nothing get better, with the smallest gradient that it saw', async () => {
    let calls = 0;
    const rough: Objective = async (x) => {
      calls++;
      const { value, gradient } = await bowl(Math.fround)(x);
      // Never below 1e-5.
      return { value, gradient: gradient.map((slope) => slope + 1e-5 * (1 + Math.sin(1e9 * slope) ** 2)) };
    };
    const { x } = await minimize(rough, new Float64Array(12), { maxIter: 10_000, tol: 0 });
    expect(largest((await bowl(Math.fround)(x)).gradient)).toBeLessThan(1e-4);
    expect(calls).toBeLessThan(1000);
  });

  it('stays at a minimum, and stops after maxIter steps', async () => {
    const start = Float64Array.from({ length: 12 }, (_, i) => i);
    expect(await minimize(bowl(Math.fround), start, { maxIter: 5, tol: 0 })).toEqual({
      x: start,
      value: 1,
      iterations: 0,
    });
    expect((await minimize(bowl(Math.fround), new Float64Array(12), { maxIter: 3, tol: 0 })).iterations).toBe(
      3,
    );
  });
});
