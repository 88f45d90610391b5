import { numel, type Shape } from '../shape.ts';

/** Uniform numbers in 0..1. */
export type Generator = () => number;

/**
 * A seeded generator (mulberry32) for initial weights. Small on purpose: one number of state, good enough for
 * weights; data augmentation uses vision/random.ts.
 */
export function generator(seed: number): Generator {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normal values of this standard deviation (Box and Muller 1958). */
export function normal(random: Generator, shape: Shape, std: number): Float32Array {
  return Float32Array.from({ length: numel(shape) }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return std * radius * Math.cos(2 * Math.PI * random());
  });
}

/** Kaiming initialisation for ReLU (He et al. 2015): normal with std sqrt(2 / fan). */
export const kaimingNormal = (random: Generator, shape: Shape, fan: number): Float32Array =>
  normal(random, shape, Math.sqrt(2 / fan));

export const constant = (shape: Shape, value: number): Float32Array =>
  new Float32Array(numel(shape)).fill(value);
