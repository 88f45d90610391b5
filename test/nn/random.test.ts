import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { MaskRCNN } from '../../src/models/maskRcnn.ts';
import { PanopticFPN } from '../../src/models/panopticFpn.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { UNet } from '../../src/models/unet.ts';
import { kaimingNormal, normal } from '../../src/nn/init.ts';
import { Conv2d, Linear } from '../../src/nn/layers.ts';
import type { Module } from '../../src/nn/module.ts';
import { generator, manualSeed } from '../../src/nn/random.ts';

const take = (random: () => number, count: number) => Array.from({ length: count }, random);
const weightsOf = (module: Module) => module.namedStates().map(([, { initial }]) => Array.from(initial));

describe('generator', () => {
  it('gives the numbers of mulberry32', () => {
    expect(take(generator(0), 3)).toEqual([0.26642920868471265, 0.0003297457005828619, 0.2232720274478197]);
  });

  it('skips numbers, and gives them later', () => {
    const [whole, random] = [take(generator(9), 7), generator(9)];
    const skipped = random.skip!(4);
    expect(take(random, 3)).toEqual(whole.slice(4));
    expect(take(skipped, 4)).toEqual(whole.slice(0, 4));
  });

  it('spawns seeds without using up numbers', () => {
    const [plain, random] = [generator(9), generator(9)];
    const seeds = Array.from({ length: 1000 }, () => random.spawn!());
    expect(new Set(seeds).size).toBe(1000);
    expect(seeds.every((seed) => seed === (seed | 0))).toBe(true);
    expect(take(random, 5)).toEqual(take(plain, 5));
    expect(generator(10).spawn!()).not.toBe(seeds[0]);
  });

  it('gives other numbers for seeds that differ beyond 32 bits', () => {
    const seeds = [0, 2 ** 32, 2 ** 33, -(2 ** 32), 2 ** 32 - 1, -1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1];
    expect(new Set(seeds.map((seed) => generator(seed)())).size).toBe(seeds.length);
    expect(new Set(seeds.map((seed) => generator(seed).spawn!())).size).toBe(seeds.length);
    manualSeed(0);
    const weights = weightsOf(new Linear(4, 5));
    manualSeed(2 ** 32);
    expect(weightsOf(new Linear(4, 5))).not.toEqual(weights);
  });

  it('refuses seeds that are no whole numbers', () => {
    for (const seed of [0.5, Number.NaN, '1' as never]) {
      expect(() => generator(seed)).toThrow(UsageError);
      expect(() => manualSeed(seed)).toThrow(UsageError);
    }
  });
});

describe('initial weights', () => {
  it('come from the generator that manualSeed seeds, one module after another', () => {
    const make = () => [new Conv2d(2, 3, 3), new Linear(4, 5)].map(weightsOf);
    manualSeed(4);
    const [first, second] = [make(), make()];
    expect(second).not.toEqual(first);
    manualSeed(4);
    expect(make()).toEqual(first);
    const own = generator(4);
    expect(
      [new Conv2d(2, 3, 3, { generator: own }), new Linear(4, 5, { generator: own })].map(weightsOf),
    ).toEqual(first);
  });

  const models: readonly (readonly [string, (options: object) => Module])[] = [
    ['UNet', (options) => new UNet({ numClasses: 2, width: 4, depth: 1, ...options })],
    ['RetinaNet', (options) => new RetinaNet({ numClasses: 2, pyramidWidth: 8, ...options })],
    ['MaskRCNN', (options) => new MaskRCNN({ numClasses: 2, pyramidWidth: 8, ...options })],
  ];
  it.each(
    models,
  )('of a %s with a seed are those of a generator with this seed, and of manualSeed', (_name, make) => {
    const seeded = weightsOf(make({ seed: 6 }));
    expect(weightsOf(make({ generator: generator(6) }))).toEqual(seeded);
    manualSeed(6);
    expect(weightsOf(make({}))).toEqual(seeded);
    expect(weightsOf(make({}))).not.toEqual(seeded);
    expect(() => make({ seed: 6, generator: generator(6) })).toThrow('give seed or generator, not both');
  });

  it('of a PanopticFPN are those of a MaskRCNN with the same seed, and its own', () => {
    const mask = new MaskRCNN({ numClasses: 2, pyramidWidth: 8, seed: 6 });
    const panoptic = new PanopticFPN({ numClasses: 2, numStuff: 2, pyramidWidth: 8, seed: 6 });
    const names = new Set(mask.namedStates().map(([name]) => name));
    const shared = panoptic.namedStates().filter(([name]) => names.has(name));
    expect(shared.map(([, { initial }]) => Array.from(initial))).toEqual(weightsOf(mask));
  });

  it('are normal, with the deviation that is asked for', () => {
    const deviation = (data: Float32Array) => Math.sqrt(data.reduce((a, b) => a + b * b, 0) / data.length);
    expect(deviation(normal([100, 100], { generator: generator(1) }))).toBeCloseTo(1, 1);
    expect(deviation(normal([100, 100], { std: 0.1, generator: generator(1) })) / 0.1).toBeCloseTo(1, 1);
    expect(deviation(kaimingNormal([100, 100], { fan: 50, generator: generator(1) })) / 0.2).toBeCloseTo(
      1,
      1,
    );
  });
});
