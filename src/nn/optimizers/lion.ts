import * as optimizersOps from '../../graph/operations/optimizers.ts';
import { apply } from '../../graph/tensor.ts';
import { withDefaults } from '../../options.ts';
import type { Parameter } from '../module.ts';
import type { ParameterGroup } from './groups.ts';
import { OPTIONS, Optimizer, type OptimizerOptions, type UpdateInputs } from './optimizer.ts';
import { expectBetas, expectGiven } from './settings.ts';

/** Options of `Lion`. Its `lr` is by default 1e-4: it takes a third to a tenth of AdamW's, with as many times the decay. */
export interface LionOptions extends OptimizerOptions {
  /** How much of the running mean of the gradient is in a step, and stays after it: at least 0, below 1. Default [0.9, 0.99]. */
  readonly betas?: readonly [number, number];
}

/**
 * Lion (Chen et al. 2023, algorithm 2): w -= lr (sign(beta1 m + (1 - beta1) g) + decay w), then m = beta2 m + (1 - beta2) g. The
 * sign of 0 is 0. Weight decay is apart from the gradient, by default 0.
 */
export class Lion extends Optimizer {
  readonly #beta2: number;

  /**
   * @param parameters What is trained: `model.parameters()`, or groups with settings of their own. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[] | readonly ParameterGroup[], options: LionOptions = {}) {
    expectGiven('Lion', options);
    const { betas, ...shared } = withDefaults('Lion', options, { ...OPTIONS, lr: 1e-4, betas: [0.9, 0.99] });
    const [momentum, beta2] = expectBetas('Lion', betas);
    super(parameters, { ...shared, momentum }, { moments: ['m'], hyperSize: 6, momentumBelow: 1 });
    this.#beta2 = beta2;
  }

  /** @hidden */
  protected override hyper(lr: number, weightDecay: number): number[] {
    const [beta1, beta2] = [this.momentum, this.#beta2];
    return [lr, beta1, beta2, weightDecay, 1 - beta1, 1 - beta2];
  }

  /** @hidden */
  protected override update({ moments, ...inputs }: UpdateInputs) {
    const out = apply(optimizersOps.lionStep, { ...inputs, m: moments[0]! });
    return { param: out.newParam, moments: [out.newM] };
  }
}
