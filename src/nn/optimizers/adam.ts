import * as optimizersOps from '../../graph/operations/optimizers.ts';
import { apply } from '../../graph/tensor.ts';
import { withDefaults } from '../../options.ts';
import type { Parameter } from '../module.ts';
import type { ParameterGroup } from './groups.ts';
import { OPTIONS, Optimizer, type OptimizerOptions, type UpdateInputs } from './optimizer.ts';
import { expectBetas, expectGiven, expectSetting } from './settings.ts';

/** Options of `Adam` and `AdamW`. */
export interface AdamOptions extends OptimizerOptions {
  /**
   * Decay rates of the running means of the gradient and of its square: at least 0, below 1. Default [0.9, 0.999].
   */
  readonly betas?: readonly [number, number];
  /** What is added to the root of the mean square, at least 0. Default 1e-8. */
  readonly eps?: number;
}

/** The logarithm of a decay rate; of 0 one that is as good as infinite, as shaders may not count with infinity. */
const logOf = (beta: number): number => Math.max(Math.log(beta), -100);

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019; PyTorch's AdamW), by default 0.01: w -= lr decay w, then
 * m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g², w -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), where t
 * counts the steps in which the parameter had a gradient.
 */
export class AdamW extends Optimizer {
  readonly #beta2: number;
  readonly #eps: number;
  protected readonly decoupled: number = 1;

  /**
   * @param parameters What is trained: `model.parameters()`, or groups with settings of their own. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[] | readonly ParameterGroup[], options: AdamOptions = {}) {
    expectGiven(new.target.name, options);
    const { betas, eps, ...shared } = withDefaults(new.target.name, options, {
      ...OPTIONS,
      weightDecay: 0.01,
      betas: [0.9, 0.999],
      eps: 1e-8,
    });
    const [beta1, beta2] = expectBetas(new.target.name, betas);
    expectSetting(new.target.name, { eps });
    super(
      parameters,
      { ...shared, momentum: beta1 },
      { moments: ['m', 'v'], hyperSize: 10, counts: true, momentumBelow: 1 },
    );
    this.#beta2 = beta2;
    this.#eps = eps;
  }

  /** @hidden */
  protected override hyper(lr: number, weightDecay: number): number[] {
    const [beta1, beta2] = [this.momentum, this.#beta2];
    const means = [logOf(beta1), logOf(beta2), 1 - beta1, 1 - beta2];
    return [lr, beta1, beta2, this.#eps, weightDecay, this.decoupled, ...means];
  }

  /** @hidden */
  protected override update({ moments, ...inputs }: UpdateInputs) {
    const out = apply(optimizersOps.adamwStep, { ...inputs, m: moments[0]!, v: moments[1]! });
    return { param: out.newParam, moments: [out.newM, out.newV] };
  }
}

/** Adam (Kingma and Ba 2015; PyTorch's Adam). Weight decay is an L2 term of the gradient, by default 0. */
export class Adam extends AdamW {
  protected override readonly decoupled: number = 0;

  /**
   * @param parameters What is trained: `model.parameters()`, or groups with settings of their own. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[] | readonly ParameterGroup[], options: AdamOptions = {}) {
    super(parameters, { weightDecay: 0, ...options });
  }
}
