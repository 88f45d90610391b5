import { ShapeError } from '../../errors.ts';
import { formatSpec, numel } from '../../shape.ts';
import adamwStepShader from '../../wgsl/optimizers/adamw_step.wgsl';
import lionStepShader from '../../wgsl/optimizers/lion_step.wgsl';
import rmspropCenteredStepShader from '../../wgsl/optimizers/rmsprop_centered_step.wgsl';
import rmspropStepShader from '../../wgsl/optimizers/rmsprop_step.wgsl';
import sgdStepShader from '../../wgsl/optimizers/sgd_step.wgsl';
import { defineKernel, type Specs } from '../kernel.ts';

/** Throws ShapeError unless the buffers are of one size and there are so many settings. */
function checkFlat(op: string, specs: Specs, settings: number): void {
  const { param, hyper, scale, steps, ...others } = specs;
  if (numel(param!.shape) % 4 !== 0) {
    throw new ShapeError(`${op}: ${formatSpec('param', param!)} must hold a multiple of 4 elements`);
  }
  for (const [name, spec] of Object.entries(others)) {
    if (numel(spec.shape) !== numel(param!.shape)) {
      throw new ShapeError(
        `${op}: ${formatSpec(name, spec)} must be as large as ${formatSpec('param', param!)}`,
      );
    }
  }
  if (numel(scale!.shape) !== 1 || numel(hyper!.shape) < settings) {
    throw new ShapeError(
      `${op}: ${formatSpec('scale', scale!)} must be [1], ${formatSpec('hyper', hyper!)} its ${settings} settings`,
    );
  }
  const blocks = Math.ceil(numel(param!.shape) / 64);
  if (numel(steps!.shape) !== 1 && numel(steps!.shape) !== blocks) {
    throw new ShapeError(
      `${op}: ${formatSpec('steps', steps!)} must be [1], or [${blocks}] for each 64 elements of ${formatSpec('param', param!)}`,
    );
  }
}

/** The dispatch of a step over a flat buffer, four elements per invocation. */
const flatDispatch = (shader: string, { param, steps }: Specs, bind: Readonly<Record<string, string>>) => {
  const total = numel(param!.shape) / 4;
  const params = { total, last: numel(steps!.shape) - 1 };
  return { dispatches: [{ shader, params, bind: { param: 'newParam', ...bind }, grid: total }] };
};

/**
 * SGD with momentum (PyTorch's update): g = grad * scale + weightDecay * w; m = momentum * m + g;
 * w -= lr * (nesterov ? g + momentum * m : m). In place on param and momentum, flat buffers of one size.
 * hyper: [4] (lr, momentum, weight decay, nesterov 0 or 1); scale: [1], the clipping factor; steps: [1], or one value for each
 * 64 elements, which stay as they are where it is 0.
 */
export const sgdStep = defineKernel({
  name: 'sgd_step',
  inputs: ['param', 'grad', 'momentum', 'hyper', 'scale', 'steps'],
  outputs: ['newParam', 'newMomentum'],
  inPlace: { newParam: 'param', newMomentum: 'momentum' },
  infer(specs, _attrs: object) {
    checkFlat('sgd_step', specs, 4);
    return { newParam: specs.param, newMomentum: specs.momentum };
  },
  dispatches: (_caps, specs) => flatDispatch(sgdStepShader, specs, { momentum: 'newMomentum' }),
});

/**
 * AdamW (Loshchilov and Hutter 2019), or Adam with L2 decay where `decoupled` is 0. In place on param, m and v, flat buffers of one
 * size. hyper: [10] (lr, beta1, beta2, eps, weight decay, decoupled 0 or 1, ln beta1, ln beta2, 1 - beta1, 1 - beta2), so that the
 * differences from 1 keep their digits; ln 0 is taken as -100. scale: [1], the clipping factor. steps: which step this is, from 1:
 * [1], or one value for each 64 elements, which stay as they are where it is 0.
 */
export const adamwStep = defineKernel({
  name: 'adamw_step',
  inputs: ['param', 'grad', 'm', 'v', 'hyper', 'scale', 'steps'],
  outputs: ['newParam', 'newM', 'newV'],
  inPlace: { newParam: 'param', newM: 'm', newV: 'v' },
  infer(specs, _attrs: object) {
    checkFlat('adamw_step', specs, 10);
    return { newParam: specs.param, newM: specs.m, newV: specs.v };
  },
  dispatches: (_caps, specs) => flatDispatch(adamwStepShader, specs, { m: 'newM', v: 'newV' }),
});

/**
 * RMSprop (PyTorch's update): g = grad * scale + weightDecay * w; square = alpha * square + (1 - alpha) * g²; momentum = mu * momentum
 * + g / (sqrt(square) + eps); w -= lr * momentum. In place on param, square and momentum, flat buffers of one size. hyper: [6] (lr,
 * alpha, mu, eps, weight decay, 1 - alpha); scale and steps as in `sgdStep`.
 */
export const rmspropStep = defineKernel({
  name: 'rmsprop_step',
  inputs: ['param', 'grad', 'square', 'momentum', 'hyper', 'scale', 'steps'],
  outputs: ['newParam', 'newSquare', 'newMomentum'],
  inPlace: { newParam: 'param', newSquare: 'square', newMomentum: 'momentum' },
  infer(specs, _attrs: object) {
    checkFlat('rmsprop_step', specs, 6);
    return { newParam: specs.param, newSquare: specs.square, newMomentum: specs.momentum };
  },
  dispatches: (_caps, specs) =>
    flatDispatch(rmspropStepShader, specs, { square: 'newSquare', momentum: 'newMomentum' }),
});

/**
 * Centered RMSprop (Graves 2013): as `rmspropStep`, with sqrt(square - mean²) in place of sqrt(square), where mean = alpha * mean +
 * (1 - alpha) * g. In place on mean too.
 */
export const rmspropCenteredStep = defineKernel({
  name: 'rmsprop_centered_step',
  inputs: ['param', 'grad', 'square', 'momentum', 'mean', 'hyper', 'scale', 'steps'],
  outputs: ['newParam', 'newSquare', 'newMomentum', 'newMean'],
  inPlace: { newParam: 'param', newSquare: 'square', newMomentum: 'momentum', newMean: 'mean' },
  infer(specs, _attrs: object) {
    checkFlat('rmsprop_centered_step', specs, 6);
    const { param, square, momentum, mean } = specs;
    return { newParam: param, newSquare: square, newMomentum: momentum, newMean: mean };
  },
  dispatches: (_caps, specs) =>
    flatDispatch(rmspropCenteredStepShader, specs, {
      square: 'newSquare',
      momentum: 'newMomentum',
      mean: 'newMean',
    }),
});

/**
 * Lion (Chen et al. 2023): g = grad * scale; w -= lr * (sign(beta1 * m + (1 - beta1) * g) + weightDecay * w); m = beta2 * m + (1 -
 * beta2) * g. In place on param and m, flat buffers of one size. hyper: [6] (lr, beta1, beta2, weight decay, 1 - beta1, 1 - beta2);
 * scale and steps as in `sgdStep`.
 */
export const lionStep = defineKernel({
  name: 'lion_step',
  inputs: ['param', 'grad', 'm', 'hyper', 'scale', 'steps'],
  outputs: ['newParam', 'newM'],
  inPlace: { newParam: 'param', newM: 'm' },
  infer(specs, _attrs: object) {
    checkFlat('lion_step', specs, 6);
    return { newParam: specs.param, newM: specs.m };
  },
  dispatches: (_caps, specs) => flatDispatch(lionStepShader, specs, { m: 'newM' }),
});
