import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { Random } from '../../src/vision/random.ts';

const draw = (random: Random, n: number): number[] => Array.from({ length: n }, () => random.uniform());

describe('Random', () => {
  it('runs xoshiro128** 1.1: the reference sequence from the state 1, 2, 3, 4', () => {
    // From the authors' C code: 11520, 0, 5927040, 70819200, 2031721883, 1637235492.
    const random = Random.fromState({ key: [0, 0, 0, 0], words: [1, 2, 3, 4] });
    const want = [11520, 0, 5927040, 70819200, 2031721883, 1637235492];
    for (let i = 0; i < want.length; i += 2) {
      expect(random.uniform()).toBe(((want[i]! >>> 5) * 2 ** 26 + (want[i + 1]! >>> 6)) / 2 ** 53);
    }
  });

  it('repeats for a seed, differs between seeds, and tells 1 from "1"', () => {
    expect(draw(new Random(7), 20)).toEqual(draw(new Random(7), 20));
    const first = [0, 1, -1, 0.5, 2 ** 40, '1', 'a', 'b', ''].map((seed) => new Random(seed).uniform());
    expect(new Set(first).size).toBe(first.length);
  });

  it('goes on bit for bit from a state that went through JSON', () => {
    const random = new Random('train');
    draw(random, 13);
    random.normal();
    const resumed = Random.fromState(JSON.parse(JSON.stringify(random.state())));
    expect(draw(resumed, 50)).toEqual(draw(random, 50));
    expect(resumed.fork(3).uniform()).toBe(random.fork(3).uniform());
  });

  it('forks by label, whatever was drawn before', () => {
    const random = new Random(1);
    const before = draw(random.fork(5), 4);
    draw(random, 9);
    expect(draw(random.fork(5), 4)).toEqual(before);
    const forks = Array.from({ length: 1000 }, (_, i) => random.fork(i).uniform());
    expect(new Set(forks).size).toBe(1000);
    expect(forks.reduce((a, b) => a + b) / 1000).toBeCloseTo(0.5, 1);
  });

  it('has the distributions it claims', () => {
    const random = new Random(3);
    const n = 100_000;
    const uniform = draw(random, n);
    expect(Math.min(...uniform.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(uniform.reduce((a, b) => a + b) / n).toBeCloseTo(0.5, 2);
    const normal = Array.from({ length: n }, () => random.normal());
    expect(Math.abs(normal.reduce((a, b) => a + b) / n)).toBeLessThan(0.02);
    expect(normal.reduce((a, b) => a + b * b) / n).toBeCloseTo(1, 1);
    const dice = new Array<number>(6).fill(0);
    for (let i = 0; i < n; i++) dice[random.integer(6)]!++;
    for (const count of dice) expect(Math.abs(count / n - 1 / 6)).toBeLessThan(0.006);
    for (let i = 0; i < 100; i++) {
      const value = random.range(-2, 3);
      expect(value >= -2 && value < 3).toBe(true);
    }
  });

  it('shuffles in place, reaching every order', () => {
    const orders = new Set<string>();
    const random = new Random(0);
    for (let i = 0; i < 300; i++) orders.add(random.shuffle([1, 2, 3]).join());
    expect(orders.size).toBe(6);
  });

  it('refuses what is no seed, count or state', () => {
    expect(() => new Random(Number.NaN)).toThrow(DataError);
    expect(() => new Random(0).integer(0)).toThrow(/at least 1/);
    expect(() => Random.fromState({ key: [1, 2, 3, 4], words: [0, 0, 0, 0] })).toThrow(DataError);
    expect(() => Random.fromState({ key: [1, 2, 3, -4], words: [1, 0, 0, 0] })).toThrow(/key/);
  });
});
