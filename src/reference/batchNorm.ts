import type { BatchNormAttrs } from '../kernels/norm/batchNorm.ts';
import { type Reference, refArray } from './reference.ts';

export const batchNorm: Reference<
  'x' | 'weight' | 'bias' | 'runningMean' | 'runningVar',
  never,
  'y' | 'mean' | 'invstd' | 'newRunningMean' | 'newRunningVar',
  BatchNormAttrs
> = ({ x, weight, bias, runningMean, runningVar }, { momentum, eps }, outputs) => {
  const y = refArray(outputs.y);
  const mean = refArray(outputs.mean);
  const invstd = refArray(outputs.invstd);
  const newRunningMean = refArray(outputs.newRunningMean);
  const newRunningVar = refArray(outputs.newRunningVar);
  const channels = x.shape.at(-1)!;
  const count = x.data.length / Math.max(channels, 1);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (let i = c; i < x.data.length; i += channels) sum += x.data[i]!;
    mean[c] = sum / Math.max(count, 1);
    for (let i = c; i < x.data.length; i += channels) squares += (x.data[i]! - mean[c]!) ** 2;
    invstd[c] = 1 / Math.sqrt(squares / Math.max(count, 1) + eps);
    const share = count === 0 ? 0 : momentum;
    newRunningMean[c] = (1 - share) * runningMean.data[c]! + share * mean[c]!;
    newRunningVar[c] = (1 - share) * runningVar.data[c]! + (share * squares) / (count - 1);
    for (let i = c; i < x.data.length; i += channels) {
      y[i] = (x.data[i]! - mean[c]!) * invstd[c]! * weight.data[c]! + bias.data[c]!;
    }
  }
  return { y, mean, invstd, newRunningMean, newRunningVar };
};

export const batchNormBackward: Reference<
  'dy' | 'x' | 'weight' | 'mean' | 'invstd',
  never,
  'dx' | 'dweight' | 'dbias',
  object
> = ({ dy, x, weight, mean, invstd }, _attrs, outputs) => {
  const dx = refArray(outputs.dx);
  const dweight = refArray(outputs.dweight);
  const dbias = refArray(outputs.dbias);
  const channels = x.shape.at(-1)!;
  const count = x.data.length / Math.max(channels, 1);
  for (let c = 0; c < channels; c++) {
    const xhat = (i: number) => (x.data[i]! - mean.data[c]!) * invstd.data[c]!;
    for (let i = c; i < x.data.length; i += channels) {
      dbias[c]! += dy.data[i]!;
      dweight[c]! += dy.data[i]! * xhat(i);
    }
    for (let i = c; i < x.data.length; i += channels) {
      const centred = dy.data[i]! - dbias[c]! / count - (xhat(i) * dweight[c]!) / count;
      dx[i] = weight.data[c]! * invstd.data[c]! * centred;
    }
  }
  return { dx, dweight, dbias };
};
