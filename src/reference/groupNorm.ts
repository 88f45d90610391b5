import type { GroupNormAttrs, GroupNormBackwardAttrs } from '../kernels/norm/groupNorm.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

/** Every element of x [N, ..., C]: its index, its channel, and its group counted over all images. */
function eachElement(
  x: RefTensor,
  numGroups: number,
  visit: (i: number, channel: number, group: number) => void,
): void {
  const channels = x.shape.at(-1)!;
  const image = x.data.length / x.shape[0]!;
  for (let i = 0; i < x.data.length; i++) {
    const channel = i % channels;
    const group = Math.floor(i / image) * numGroups + Math.floor((channel * numGroups) / channels);
    visit(i, channel, group);
  }
}

export const groupNorm: Reference<'x' | 'weight' | 'bias', never, 'y' | 'mean' | 'invstd', GroupNormAttrs> = (
  { x, weight, bias },
  { numGroups, eps },
  outputs,
) => {
  const y = refArray(outputs.y);
  const mean = refArray(outputs.mean);
  const invstd = refArray(outputs.invstd);
  const variance = refArray(outputs.mean);
  const count = Math.max(x.data.length / Math.max(mean.length, 1), 1);
  eachElement(x, numGroups, (i, _, group) => {
    mean[group]! += x.data[i]! / count;
  });
  eachElement(x, numGroups, (i, _, group) => {
    variance[group]! += (x.data[i]! - mean[group]!) ** 2 / count;
  });
  for (let g = 0; g < invstd.length; g++) invstd[g] = 1 / Math.sqrt(variance[g]! + eps);
  eachElement(x, numGroups, (i, channel, group) => {
    const xhat = (x.data[i]! - mean[group]!) * invstd[group]!;
    y[i] = xhat * weight.data[channel]! + bias.data[channel]!;
  });
  return { y, mean, invstd };
};

export const groupNormBackward: Reference<
  'dy' | 'x' | 'weight' | 'mean' | 'invstd',
  never,
  'dx' | 'dweight' | 'dbias',
  GroupNormBackwardAttrs
> = ({ dy, x, weight, mean, invstd }, { numGroups }, outputs) => {
  const dx = refArray(outputs.dx);
  const dweight = refArray(outputs.dweight);
  const dbias = refArray(outputs.dbias);
  const first = new Float64Array(mean.data.length);
  const second = new Float64Array(mean.data.length);
  const count = x.data.length / Math.max(mean.data.length, 1);
  const xhat = (i: number, group: number) => (x.data[i]! - mean.data[group]!) * invstd.data[group]!;
  eachElement(x, numGroups, (i, channel, group) => {
    dbias[channel]! += dy.data[i]!;
    dweight[channel]! += dy.data[i]! * xhat(i, group);
    const dxhat = dy.data[i]! * weight.data[channel]!;
    first[group]! += dxhat / count;
    second[group]! += (dxhat * xhat(i, group)) / count;
  });
  eachElement(x, numGroups, (i, channel, group) => {
    const dxhat = dy.data[i]! * weight.data[channel]!;
    dx[i] = invstd.data[group]! * (dxhat - first[group]! - xhat(i, group) * second[group]!);
  });
  return { dx, dweight, dbias };
};
