import { ShapeError } from '../../errors.ts';
import { expectDType, expectShape, formatSpec, numel, type Shape } from '../../shape.ts';
import randShader from '../../wgsl/shape/rand.wgsl';
import { defineKernel, type Given } from '../kernel.ts';
import { expectInteger } from '../spatial.ts';

/** Attributes of `rand`. */
export interface RandAttrs {
  /** The shape of y. */
  readonly shape: Shape;
  /** Selects one of many independent sequences of a seed: a whole number of 0 or more. Default 0. */
  readonly stream: number;
}

/**
 * Uniform numbers in 0..1, 1 left out, multiples of 2^-24: `y[i] = hash(seed, stream, i) / 2^24`. The same seed and stream
 * give the same numbers on every device; no state is kept, so a program gives another seed each time it wants others.
 * seed: i32, one number -> y: f32, of `shape`. The hash is two rounds of lowbias32 (Wellons 2018, "Prospecting for hash
 * functions"). Throws ShapeError for a seed of several numbers.
 */
export const rand = defineKernel({
  name: 'rand',
  inputs: ['seed'],
  outputs: ['y'],
  attributes: ({ shape, stream = 0 }: Given<RandAttrs, 'shape'>): RandAttrs => ({ shape, stream }),
  infer({ seed }, { shape, stream }: RandAttrs) {
    expectDType('rand', 'seed', seed, 'i32');
    expectShape('rand', shape);
    expectInteger('rand', 'stream', stream, 0);
    if (numel(seed.shape) !== 1) {
      throw new ShapeError(`rand: seed must be one number, got ${formatSpec('seed', seed)}`);
    }
    return { y: { shape, dtype: 'f32' } };
  },
  dispatches(_caps, _specs, { y }, { stream }) {
    const total = numel(y.shape);
    return { dispatches: [{ shader: randShader, params: { total, stream }, grid: total }] };
  },
});
