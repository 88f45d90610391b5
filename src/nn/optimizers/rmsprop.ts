import * as optimizersOps from '../../graph/operations/optimizers.ts';
import { apply } from '../../graph/tensor.ts';
import { withDefaults } from '../../options.ts';
import type { Parameter } from '../module.ts';
import type { ParameterGroup } from './groups.ts';
import { OPTIONS, Optimizer, type OptimizerOptions, type UpdateInputs } from './optimizer.ts';
import { expectGiven, expectSetting } from './settings.ts';

/** Options of `RMSprop`. Its `lr` is by default 0.01, as PyTorch's. */
export interface RMSpropOptions extends OptimizerOptions {
  /** Decay rate of the running mean of the squared gradient: at least 0, below 1. Default 0.99. */
  readonly alpha?: number;
  /** What is added to the root of the mean square, at least 0. Default 1e-8. */
  readonly eps?: number;
  /** Momentum, at least 0. Default 0. */
  readonly momentum?: number;
  /** Divides by the standard deviation of the gradient instead of the root of its mean square. Default false. */
  readonly centered?: boolean;
}

/**
 * RMSprop (Tieleman and Hinton 2012; PyTorch's RMSprop): s = alpha s + (1 - alpha) g², m = momentum m + g / (sqrt(s) + eps), w -= lr
 * m. Centered (Graves 2013), the root is of s - a², where a = alpha a + (1 - alpha) g. Weight decay is an L2 term of the gradient.
 */
export class RMSprop extends Optimizer {
  readonly #alpha: number;
  readonly #eps: number;
  readonly #centered: boolean;

  /**
   * @param parameters What is trained: `model.parameters()`, or groups with settings of their own. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[] | readonly ParameterGroup[], options: RMSpropOptions = {}) {
    expectGiven('RMSprop', options);
    const { alpha, eps, centered, ...shared } = withDefaults('RMSprop', options, {
      ...OPTIONS,
      lr: 1e-2,
      alpha: 0.99,
      eps: 1e-8,
      momentum: 0,
      centered: false,
    });
    expectSetting('RMSprop', { alpha }, 1);
    expectSetting('RMSprop', { eps, momentum: shared.momentum });
    const moments = ['square', 'momentum', ...(centered ? ['mean'] : [])];
    super(parameters, shared, { moments, hyperSize: 6 });
    this.#alpha = alpha;
    this.#eps = eps;
    this.#centered = centered;
  }

  /** @hidden */
  protected override hyper(lr: number, weightDecay: number): number[] {
    return [lr, this.#alpha, this.momentum, this.#eps, weightDecay, 1 - this.#alpha];
  }

  /** @hidden */
  protected override update({ moments: [square, momentum, mean], ...inputs }: UpdateInputs) {
    const given = { ...inputs, square: square!, momentum: momentum! };
    if (this.#centered) {
      const out = apply(optimizersOps.rmspropCenteredStep, { ...given, mean: mean! });
      return { param: out.newParam, moments: [out.newSquare, out.newMomentum, out.newMean] };
    }
    const out = apply(optimizersOps.rmspropStep, given);
    return { param: out.newParam, moments: [out.newSquare, out.newMomentum] };
  }
}
