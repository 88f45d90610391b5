import type { Later } from '../graph/state.ts';
import { numel, type Shape } from '../shape.ts';

/** Uniform numbers in 0..1. */
export interface Generator {
  (): number;
  /** Skips so many numbers; what it returns gives them. A generator without it is asked for them at once. */
  skip?(count: number): Generator;
}

/** What mulberry32 adds to its state for each number. */
const STEP = 0x6d2b79f5;

/**
 * A seeded generator (mulberry32) for initial weights. Small on purpose: one number of state, good enough for
 * weights; data augmentation uses vision/random.ts.
 */
export function generator(seed: number): Generator {
  let state = seed | 0;
  const next = () => {
    state = (state + STEP) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const skip = (count: number) => {
    const skipped = generator(state);
    state = (state + Math.imul(STEP, count)) | 0;
    return skipped;
  };
  return Object.assign(next, { skip });
}

/** Normal values of this standard deviation (Box and Muller 1958). */
export function normal(random: Generator, shape: Shape, std: number): Float32Array {
  const values = new Float32Array(numel(shape));
  fill(random, values, std);
  return values;
}

function fill(random: Generator, values: Float32Array, std: number): void {
  for (let i = 0; i < values.length; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    values[i] = std * radius * Math.cos(2 * Math.PI * random());
  }
}

/** Values that are drawn without a rest: some 4 ms. */
const PART = 1 << 16;

/**
 * The same values, drawn when they are first asked for: a model whose weights are loaded never draws them, which would
 * take some 50 ns a weight.
 */
export function normalLater(random: Generator, shape: Shape, std: number): Later {
  const own = random.skip?.(2 * numel(shape));
  const drawn = own ? undefined : normal(random, shape, std);
  return function* draw() {
    if (!own?.skip) return drawn!;
    const values = new Float32Array(numel(shape));
    const again = own.skip(0);
    for (let at = 0; at < values.length; at += PART) {
      fill(again, values.subarray(at, at + PART), std);
      yield;
    }
    return values;
  };
}

/** The standard deviation of Kaiming's initial weights for ReLU (He et al. 2015). */
export const kaimingStd = (fan: number): number => Math.sqrt(2 / fan);

/** Kaiming initialisation for ReLU: normal with std sqrt(2 / fan). */
export const kaimingNormal = (random: Generator, shape: Shape, fan: number): Float32Array =>
  normal(random, shape, kaimingStd(fan));

export const constant = (shape: Shape, value: number): Float32Array =>
  new Float32Array(numel(shape)).fill(value);
