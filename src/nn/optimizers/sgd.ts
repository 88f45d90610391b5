import { UsageError } from '../../errors.ts';
import * as optimizersOps from '../../graph/operations/optimizers.ts';
import { apply } from '../../graph/tensor.ts';
import { withDefaults } from '../../options.ts';
import type { Parameter } from '../module.ts';
import type { ParameterGroup } from './groups.ts';
import { OPTIONS, Optimizer, type OptimizerOptions, type UpdateInputs } from './optimizer.ts';
import { expectGiven, expectSetting } from './settings.ts';

/** Options of `SGD`. */
export interface SGDOptions extends OptimizerOptions {
  /** Momentum, at least 0. Default 0. */
  readonly momentum?: number;
  /** Nesterov's momentum; it needs a momentum above 0. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum (PyTorch's SGD with dampening 0): m = momentum m + g, w -= lr m; with Nesterov's
 * momentum w -= lr (g + momentum m). Weight decay is an L2 term of the gradient.
 */
export class SGD extends Optimizer {
  readonly #nesterov: boolean;

  /**
   * @param parameters What is trained: `model.parameters()`, or groups with settings of their own. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[] | readonly ParameterGroup[], options: SGDOptions = {}) {
    expectGiven('SGD', options);
    const { nesterov, ...shared } = withDefaults('SGD', options, {
      ...OPTIONS,
      momentum: 0,
      nesterov: false,
    });
    expectSetting('SGD', { momentum: shared.momentum });
    if (nesterov && shared.momentum === 0) {
      throw new UsageError('SGD: nesterov needs a momentum above 0, got 0; give both, such as momentum: 0.9');
    }
    super(parameters, shared, { moments: ['momentum'], hyperSize: 4 });
    this.#nesterov = nesterov;
  }

  /** @hidden */
  protected override hyper(lr: number, weightDecay: number): number[] {
    return [lr, this.momentum, weightDecay, this.#nesterov ? 1 : 0];
  }

  /** @hidden */
  protected override update({ moments, ...inputs }: UpdateInputs) {
    const out = apply(optimizersOps.sgdStep, { ...inputs, momentum: moments[0]! });
    return { param: out.newParam, moments: [out.newMomentum] };
  }
}
