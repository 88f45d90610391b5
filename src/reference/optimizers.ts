import type { PackAttrs } from '../kernels/optimizers/pack.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

export const sgdStep: Reference<
  'param' | 'grad' | 'momentum' | 'hyper' | 'scale',
  never,
  'newParam' | 'newMomentum',
  object
> = ({ param, grad, momentum, hyper, scale }) => {
  const [lr, mu, decay, nesterov] = hyper.data as unknown as [number, number, number, number];
  const newParam = new Float64Array(param.data.length);
  const newMomentum = new Float64Array(param.data.length);
  for (let i = 0; i < newParam.length; i++) {
    const g = grad.data[i]! * scale.data[0]! + decay * param.data[i]!;
    newMomentum[i] = mu * momentum.data[i]! + g;
    newParam[i] = param.data[i]! - lr * (nesterov > 0 ? g + mu * newMomentum[i]! : newMomentum[i]!);
  }
  return { newParam, newMomentum };
};

export const adamwStep: Reference<
  'param' | 'grad' | 'm' | 'v' | 'hyper' | 'scale',
  never,
  'newParam' | 'newM' | 'newV',
  object
> = ({ param, grad, m, v, hyper, scale }) => {
  const [lr, beta1, beta2, eps, decay, correction1, correction2, decoupled] = Array.from(hyper.data) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const newParam = new Float64Array(param.data.length);
  const newM = new Float64Array(param.data.length);
  const newV = new Float64Array(param.data.length);
  for (let i = 0; i < newParam.length; i++) {
    const w = param.data[i]!;
    const g = grad.data[i]! * scale.data[0]! + (decoupled > 0 ? 0 : decay * w);
    newM[i] = beta1 * m.data[i]! + (1 - beta1) * g;
    newV[i] = beta2 * v.data[i]! + (1 - beta2) * g * g;
    const step = newM[i]! / correction1 / (Math.sqrt(newV[i]! / correction2) + eps);
    newParam[i] = w * (decoupled > 0 ? 1 - lr * decay : 1) - lr * step;
  }
  return { newParam, newM, newV };
};

export const pack: Reference<string, never, 'y', PackAttrs> = (inputs, { offsets }, outputs) => {
  const y = refArray(outputs.y);
  Object.values(inputs as Record<string, RefTensor>).forEach((input, k) => {
    y.set(input.data as Float64Array, offsets[k]!);
  });
  return { y };
};
