import { describe, expect, it } from 'vitest';
import { breakEven, stepSeconds } from '../../../scripts/dataParallel.mjs';

const MB = 2 ** 20;
const step = {
  forward: 0.01,
  backward: Array.from({ length: 10 }, () => ({ seconds: 0.002, bytes: 10 * MB })),
  update: 0.001,
};
const never = { latency: 0, copy: Number.POSITIVE_INFINITY };

describe('a step of several machines', () => {
  it('is the sum of its parts alone, and hardly longer where the link is free', () => {
    expect(stepSeconds(step, { machines: 1, link: 1, latency: 1, copy: 1 })).toBeCloseTo(0.031, 12);
    const free = stepSeconds(step, { machines: 8, link: Number.POSITIVE_INFINITY, ...never });
    // The last bucket, of one layer, is read when the backward pass has ended.
    expect(free).toBeCloseTo(0.031 + 0.3e-3, 12);
  });

  it('takes as long as its gradients, where these are slower', () => {
    const link = 100 * MB;
    const seconds = stepSeconds(step, { machines: 4, link, ...never });
    // 2 (n - 1) / n of 100 MB; the first bucket of 25 MB is full after three layers; four buckets are read.
    expect(seconds).toBeCloseTo(0.01 + 3 * 0.002 + (1.5 * 100 * MB) / link + 4 * 0.3e-3 + 0.001, 12);
  });

  it('is faster on two machines than on one from some link on', () => {
    const gigabits = breakEven(step);
    const at = (factor: number) =>
      stepSeconds(step, {
        machines: 2,
        link: (factor * gigabits * 1e9 * 0.94) / 8,
        latency: 50e-6,
        copy: 20e9,
      });
    expect(at(1.1)).toBeLessThan(0.062);
    expect(at(0.9)).toBeGreaterThan(0.062);
  });
});
