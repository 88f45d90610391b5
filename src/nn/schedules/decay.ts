import { UsageError } from '../../errors.ts';
import { objectOf, withDefaults } from '../../options.ts';
import { expectAbove0, expectSteps, type Schedule } from './schedule.ts';

/** Options of `stepDecay`. */
export interface StepDecayOptions {
  /** The first learning rate, above 0. */
  readonly lr: number;
  /** Steps with one rate, at least 1. */
  readonly stepSize: number;
  /** What the rate is multiplied by then, above 0. Default 0.1. */
  readonly gamma?: number;
}

/** lr * gamma^floor(step / stepSize) (PyTorch's StepLR). Throws UsageError for numbers out of range and unknown options. */
export function stepDecay(options: StepDecayOptions): Schedule {
  objectOf('stepDecay', options);
  const { lr, stepSize, gamma } = withDefaults('stepDecay', options, {
    lr: options.lr,
    stepSize: options.stepSize,
    gamma: 0.1,
  });
  expectAbove0('stepDecay', { lr, gamma });
  expectSteps('stepDecay', { stepSize });
  return (step) => lr * gamma ** Math.floor(step / stepSize);
}

/** Options of `multiStepDecay`. */
export interface MultiStepDecayOptions {
  /** The first learning rate, above 0. */
  readonly lr: number;
  /** The steps from which the rate is lower, ascending. One that is there twice counts twice. */
  readonly milestones: readonly number[];
  /** What the rate is multiplied by at each, above 0. Default 0.1. */
  readonly gamma?: number;
}

/** lr * gamma^(milestones that are reached) (PyTorch's MultiStepLR). Throws UsageError for numbers out of range and unknown options. */
export function multiStepDecay(options: MultiStepDecayOptions): Schedule {
  objectOf('multiStepDecay', options);
  const { lr, milestones, gamma } = withDefaults('multiStepDecay', options, {
    lr: options.lr,
    milestones: options.milestones,
    gamma: 0.1,
  });
  expectAbove0('multiStepDecay', { lr, gamma });
  if (!Array.isArray(milestones) || milestones.some((one, i) => !(one >= (milestones[i - 1] ?? 0)))) {
    throw new UsageError(
      `multiStepDecay: milestones is ${String(milestones)}; give numbers of steps, ascending, such as [60, 80]`,
    );
  }
  const reached = [...milestones];
  return (step) => lr * gamma ** reached.filter((one) => step >= one).length;
}

/** Options of `exponentialDecay`. */
export interface ExponentialDecayOptions {
  /** The first learning rate, above 0. */
  readonly lr: number;
  /** What the rate is multiplied by after each step, above 0. */
  readonly gamma: number;
}

/** lr * gamma^step (PyTorch's ExponentialLR). Throws UsageError for numbers out of range and unknown options. */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  objectOf('exponentialDecay', options);
  const { lr, gamma } = withDefaults('exponentialDecay', options, { lr: options.lr, gamma: options.gamma });
  expectAbove0('exponentialDecay', { lr, gamma });
  return (step) => lr * gamma ** step;
}

/** Options of `polynomialDecay`. */
export interface PolynomialDecayOptions {
  /** The first learning rate, above 0. */
  readonly lr: number;
  /** Steps until it is 0, at least 1. */
  readonly steps: number;
  /** The exponent, above 0. Default 1: a line. */
  readonly power?: number;
}

/**
 * lr * (1 - step / steps)^power, and 0 from there on (PyTorch's PolynomialLR). Throws UsageError for numbers out of range and
 * unknown options.
 */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule {
  objectOf('polynomialDecay', options);
  const { lr, steps, power } = withDefaults('polynomialDecay', options, {
    lr: options.lr,
    steps: options.steps,
    power: 1,
  });
  expectAbove0('polynomialDecay', { lr, power });
  expectSteps('polynomialDecay', { steps });
  return (step) => lr * (1 - Math.min(step, steps) / steps) ** power;
}
