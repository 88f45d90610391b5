import { UsageError } from '../errors.ts';
import { objectOf } from '../options.ts';

/** A source of uniform random numbers in 0..1, 1 excluded. Make one with `generator(seed)`. */
export interface Generator {
  (): number;
  /** Skips `count` numbers and returns a generator that gives them. Without it, they are drawn at once. */
  skip?(count: number): Generator;
  /**
   * Returns the seed of an independent stream, a different one at each call, without using up a number. Without it, the
   * seed is made from the next number.
   */
  spawn?(): number;
}

/** What mulberry32 adds to its state for each number. */
const STEP = 0x6d2b79f5;

/** The i32 with the bits of both numbers mixed (the finaliser of MurmurHash3). */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function expectSeed(name: string, seed: number): void {
  if (Number.isSafeInteger(seed)) return;
  throw new UsageError(`${name}: seed is ${seed}; give a whole number`);
}

/**
 * Makes a seeded generator of uniform numbers (mulberry32), for initial weights. The same seed gives the same numbers on every
 * machine. One number of state is enough for weights; data augmentation uses vision/random.ts.
 * @param seed A whole number, from -(2^53 - 1) to 2^53 - 1. All of it counts, though those beyond 32 bits share their 2^32 streams.
 * Throws UsageError for anything else.
 */
export function generator(seed: number): Generator {
  expectSeed('generator', seed);
  const low = seed | 0;
  const first = low === seed ? seed : mix(low, Math.floor(seed / 2 ** 32) + 1);
  let state = first;
  let spawned = 0;
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
  const spawn = () => mix(first, ++spawned);
  return Object.assign(next, { skip, spawn });
}

let common: Generator | undefined;

/**
 * Seeds the default generator, which modules and models without a `seed` or `generator` of their own draw their initial weights
 * from (PyTorch's torch.manual_seed). A program that never calls it starts with seed 0.
 * @param seed A whole number. Throws UsageError for anything else.
 */
export function manualSeed(seed: number): void {
  expectSeed('manualSeed', seed);
  common = generator(seed);
}

/** The generator that `manualSeed` seeds. */
export function defaultGenerator(): Generator {
  common ??= generator(0);
  return common;
}

/** Where a module's initial weights come from. */
export interface GeneratorOption {
  /** Default: the generator that `manualSeed` seeds. */
  readonly generator?: Generator | undefined;
}

/** Where a model's initial weights come from: give one of the two, or neither. */
export interface SeedOptions extends GeneratorOption {
  /** The seed of a generator for this model alone: the same seed gives the same weights. A whole number. */
  readonly seed?: number | undefined;
}

/** The generator that is given, else the default one. Throws UsageError for what is none, such as a seed. */
export function usedGenerator(name: string, given: Generator = defaultGenerator()): Generator {
  if (typeof given === 'function') return given;
  throw new UsageError(`${name}: generator is ${given}; make one with generator(seed)`);
}

/** The generator that a model draws from. Throws UsageError where both options are given, or what is no generator. */
export function generatorOf(name: string, options: SeedOptions): Generator {
  objectOf(name, options);
  if (options.seed === undefined) return usedGenerator(name, options.generator);
  if (options.generator) throw new UsageError(`${name}: give seed or generator, not both`);
  return generator(options.seed);
}

/** An i32 to seed random draws with that are independent of the weights. */
export const spawnSeed = (random: Generator): number => random.spawn?.() ?? (random() * 4294967296) | 0;
