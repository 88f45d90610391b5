import type { PackAttrs } from '../kernels/optimizers/pack.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

/** The step of the block that an element is in: 0 where it stays as it is. */
const stepOf = ({ data }: RefTensor, i: number): number =>
  data.length === 1 ? data[0]! : data[Math.floor(i / 64)]!;

export const sgdStep: Reference<
  'param' | 'grad' | 'momentum' | 'hyper' | 'scale' | 'steps',
  never,
  'newParam' | 'newMomentum',
  object
> = ({ param, grad, momentum, hyper, scale, steps }) => {
  const [lr, mu, decay, nesterov] = hyper.data as unknown as [number, number, number, number];
  const newParam = Float64Array.from(param.data);
  const newMomentum = Float64Array.from(momentum.data);
  for (let i = 0; i < newParam.length; i++) {
    if (stepOf(steps, i) === 0) continue;
    const g = grad.data[i]! * scale.data[0]! + decay * param.data[i]!;
    newMomentum[i] = mu * momentum.data[i]! + g;
    newParam[i] = param.data[i]! - lr * (nesterov > 0 ? g + mu * newMomentum[i]! : newMomentum[i]!);
  }
  return { newParam, newMomentum };
};

export const adamwStep: Reference<
  'param' | 'grad' | 'm' | 'v' | 'hyper' | 'scale' | 'steps',
  never,
  'newParam' | 'newM' | 'newV',
  object
> = ({ param, grad, m, v, hyper, scale, steps }) => {
  const [lr, beta1, beta2, eps, decay, decoupled] = Array.from(hyper.data) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [log1, log2, rest1, rest2] = Array.from(hyper.data.slice(6)) as [number, number, number, number];
  const newParam = Float64Array.from(param.data);
  const newM = Float64Array.from(m.data);
  const newV = Float64Array.from(v.data);
  for (let i = 0; i < newParam.length; i++) {
    const t = stepOf(steps, i);
    if (t === 0) continue;
    const w = param.data[i]!;
    const g = grad.data[i]! * scale.data[0]! + (decoupled > 0 ? 0 : decay * w);
    newM[i] = beta1 * m.data[i]! + rest1 * g;
    newV[i] = beta2 * v.data[i]! + rest2 * g * g;
    const root = Math.sqrt(newV[i]! / -Math.expm1(t * log2));
    newParam[i] =
      w * (decoupled > 0 ? 1 - lr * decay : 1) - (lr * newM[i]!) / -Math.expm1(t * log1) / (root + eps);
  }
  return { newParam, newM, newV };
};

/** RMSprop; `mean` is there where it is centered. */
function rmsprop(
  [lr, alpha, mu, eps, decay, rest]: [number, number, number, number, number, number],
  { param, grad, square, momentum, mean, scale, steps }: Readonly<Record<string, RefTensor>>,
) {
  const [newParam, newSquare] = [Float64Array.from(param!.data), Float64Array.from(square!.data)];
  const newMomentum = Float64Array.from(momentum!.data);
  const newMean = Float64Array.from(mean?.data ?? []);
  for (let i = 0; i < newParam.length; i++) {
    if (stepOf(steps!, i) === 0) continue;
    const g = grad!.data[i]! * scale!.data[0]! + decay * param!.data[i]!;
    newSquare[i] = alpha * square!.data[i]! + rest * g * g;
    if (mean) newMean[i] = alpha * mean.data[i]! + rest * g;
    const variance = newSquare[i]! - (mean ? newMean[i]! ** 2 : 0);
    newMomentum[i] = mu * momentum!.data[i]! + g / (Math.sqrt(Math.max(variance, 0)) + eps);
    newParam[i] = param!.data[i]! - lr * newMomentum[i]!;
  }
  return { newParam, newSquare, newMomentum, newMean };
}

export const rmspropStep: Reference<
  'param' | 'grad' | 'square' | 'momentum' | 'hyper' | 'scale' | 'steps',
  never,
  'newParam' | 'newSquare' | 'newMomentum',
  object
> = ({ hyper, ...inputs }) => {
  const { newMean: _none, ...outputs } = rmsprop(Array.from(hyper.data) as never, inputs);
  return outputs;
};

export const rmspropCenteredStep: Reference<
  'param' | 'grad' | 'square' | 'momentum' | 'mean' | 'hyper' | 'scale' | 'steps',
  never,
  'newParam' | 'newSquare' | 'newMomentum' | 'newMean',
  object
> = ({ hyper, ...inputs }) => rmsprop(Array.from(hyper.data) as never, inputs);

export const lionStep: Reference<
  'param' | 'grad' | 'm' | 'hyper' | 'scale' | 'steps',
  never,
  'newParam' | 'newM',
  object
> = ({ param, grad, m, hyper, scale, steps }) => {
  const [lr, beta1, beta2] = Array.from(hyper.data) as [number, number, number];
  const [decay, rest1, rest2] = Array.from(hyper.data.slice(3)) as [number, number, number];
  const newParam = Float64Array.from(param.data);
  const newM = Float64Array.from(m.data);
  for (let i = 0; i < newParam.length; i++) {
    if (stepOf(steps, i) === 0) continue;
    const g = grad.data[i]! * scale.data[0]!;
    newParam[i]! -= lr * (Math.sign(beta1 * m.data[i]! + rest1 * g) + decay * param.data[i]!);
    newM[i] = beta2 * m.data[i]! + rest2 * g;
  }
  return { newParam, newM };
};

export const emaStep: Reference<'average' | 'x' | 'weight', never, 'newAverage', object> = ({
  average,
  x,
  weight,
}) => ({
  newAverage: Float64Array.from(x.data, (value, i) => {
    const before = average.data[i]!;
    return before + weight.data[0]! * (value - before);
  }),
});

export const pack: Reference<string, never, 'y', PackAttrs> = (inputs, { offsets }, outputs) => {
  const y = refArray(outputs.y);
  Object.values(inputs as Record<string, RefTensor>).forEach((input, k) => {
    y.set(input.data as Float64Array, offsets[k]!);
  });
  return { y };
};
