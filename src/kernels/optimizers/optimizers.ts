import { ShapeError } from '../../errors.ts';
import { formatSpec, numel, type TensorSpec } from '../../shape.ts';
import adamwStepShader from '../../wgsl/optimizers/adamw_step.wgsl';
import sgdStepShader from '../../wgsl/optimizers/sgd_step.wgsl';
import { defineKernel } from '../kernel.ts';

function checkFlat(op: string, specs: Readonly<Record<string, TensorSpec>>): void {
  const { param, hyper, scale, ...others } = specs;
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
  if (numel(scale!.shape) !== 1 || numel(hyper!.shape) < 4) {
    throw new ShapeError(
      `${op}: ${formatSpec('scale', scale!)} must be [1], ${formatSpec('hyper', hyper!)} its settings`,
    );
  }
}

/**
 * SGD with momentum (PyTorch's update): g = grad * scale + weightDecay * w; m = momentum * m + g;
 * w -= lr * (nesterov ? g + momentum * m : m). In place on param and momentum, flat buffers of one size.
 * hyper: [4] (lr, momentum, weight decay, nesterov 0 or 1); scale: [1], the clipping factor.
 */
export const sgdStep = defineKernel({
  name: 'sgd_step',
  inputs: ['param', 'grad', 'momentum', 'hyper', 'scale'],
  outputs: ['newParam', 'newMomentum'],
  inPlace: { newParam: 'param', newMomentum: 'momentum' },
  infer(specs, _attrs: object) {
    checkFlat('sgd_step', specs);
    return { newParam: specs.param, newMomentum: specs.momentum };
  },
  dispatches(_caps, { param }) {
    const total = numel(param.shape) / 4;
    const bind = { param: 'newParam', momentum: 'newMomentum' };
    return { dispatches: [{ shader: sgdStepShader, params: { total }, bind, grid: total }] };
  },
});

/**
 * AdamW (Loshchilov and Hutter 2019), or Adam with L2 decay where hyper[7] is 0. In place on param, m and v, flat
 * buffers of one size. hyper: [8] (lr, beta1, beta2, eps, weight decay, 1 - beta1^t, 1 - beta2^t, decoupled 0 or 1);
 * scale: [1], the clipping factor.
 */
export const adamwStep = defineKernel({
  name: 'adamw_step',
  inputs: ['param', 'grad', 'm', 'v', 'hyper', 'scale'],
  outputs: ['newParam', 'newM', 'newV'],
  inPlace: { newParam: 'param', newM: 'm', newV: 'v' },
  infer(specs, _attrs: object) {
    checkFlat('adamw_step', specs);
    return { newParam: specs.param, newM: specs.m, newV: specs.v };
  },
  dispatches(_caps, { param }) {
    const total = numel(param.shape) / 4;
    const bind = { param: 'newParam', m: 'newM', v: 'newV' };
    return { dispatches: [{ shader: adamwStepShader, params: { total }, bind, grid: total }] };
  },
});
