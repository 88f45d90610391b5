import { UsageError } from '../errors.ts';
import { affine, greaterEqual, mul } from '../graph/functions/elementwise.ts';
import { cast, rand } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { withDefaults } from '../options.ts';
import type { Shape } from '../shape.ts';
import { heeded } from './heeded.ts';
import { Module } from './module.ts';
import { generatorOf, type SeedOptions, spawnSeed } from './random.ts';
import { RandomState } from './randomState.ts';

function expectProbability(module: string, { p }: { readonly p?: unknown }): void {
  if (typeof p === 'number' && p >= 0 && p <= 1) return;
  throw new UsageError(`${module}: p must be a number from 0 to 1, got ${String(p)}`);
}

function expectMode({ mode }: { readonly mode?: unknown }): void {
  if (mode === 'row' || mode === 'batch') return;
  throw new UsageError(`StochasticDepth: mode is ${String(mode)}; give row or batch`);
}

/**
 * In training, sets each element to 0 with probability p, independently, and divides the others by 1 - p (Srivastava et al.
 * 2014; PyTorch's Dropout); in evaluation, x itself. The mask is drawn on the GPU, a new one at each run of a captured step.
 * The same seed gives the same masks, run after run; they do not depend on the weights, nor the weights on them.
 */
export class Dropout extends Module {
  /** The probability of 0. A step that was captured is captured again when it has changed. */
  declare p: number;
  random: RandomState;

  /**
   * @param p The probability of 0, from 0 to 1. Default 0.5. Throws UsageError for anything else.
   * @param options `seed`: i32, of the first mask; or `generator`, which gives a seed. Default: the one that `manualSeed`
   * seeds.
   */
  constructor(p = 0.5, options: SeedOptions = {}) {
    super();
    const { name } = new.target;
    heeded<Dropout>(this, { p }, (settings) => expectProbability(name, settings));
    withDefaults(name, options, { seed: undefined, generator: undefined });
    this.random = new RandomState(options.seed ?? spawnSeed(generatorOf(name, options)));
  }

  /**
   * Applies dropout to x in training; gives x itself in evaluation.
   * @param x f32 or f16, of any shape.
   */
  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    const { p } = this;
    const kept = greaterEqual(rand(this.maskShape(x), this.random.next()), p);
    const scale = p === 1 ? 0 : 1 / (1 - p);
    return mul(x, affine(cast(kept, x.dtype), scale));
  }

  /** The shape of the mask, which broadcasts to x. */
  protected maskShape(x: Tensor): Shape {
    return x.shape;
  }
}

/** Dropout of whole channels of x [N,H,W,C] (Tompson et al. 2015; PyTorch's Dropout2d), which neighbouring pixels share. */
export class Dropout2d extends Dropout {
  protected override maskShape({ shape }: Tensor): Shape {
    return shape.map((size, i) => (i === 0 || i === shape.length - 1 ? size : 1));
  }
}

/** What `StochasticDepth` leaves out together: each image by itself (`row`), or the whole batch. */
export type StochasticDepthMode = 'row' | 'batch';

/**
 * Stochastic depth (Huang et al. 2016, Deep networks with stochastic depth; torchvision's StochasticDepth): in training, a
 * residual branch x [N,...] is left out with probability p, of each image or of the whole batch, and else divided by 1 - p.
 */
export class StochasticDepth extends Dropout {
  /** What is left out together. */
  declare mode: StochasticDepthMode;

  /**
   * @param p The probability of 0, from 0 to 1. Throws UsageError for anything else.
   * @param mode What is left out together: `row` or `batch`. Default row.
   * @param options `seed` or `generator`: see `Dropout`.
   */
  constructor(p: number, mode: StochasticDepthMode = 'row', options: SeedOptions = {}) {
    super(p, options);
    heeded<StochasticDepth>(this, { mode }, expectMode);
  }

  protected override maskShape({ shape }: Tensor): Shape {
    return shape.map((size, i) => (i === 0 && this.mode === 'row' ? size : 1));
  }
}
