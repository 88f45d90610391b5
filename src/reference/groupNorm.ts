import type { GroupNormAttrs, GroupNormBackwardAttrs } from '../kernels/norm/groupNorm.ts';
import { numel } from '../shape.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

/** Every element of x [N, ..., C]: its index, its channel, and its group counted over all levels of all images, and the size of that. */
function eachElement(
  x: RefTensor,
  { numGroups, levels }: GroupNormBackwardAttrs,
  visit: (i: number, channel: number, group: number, count: number) => void,
): void {
  const channels = x.shape.at(-1)!;
  const lengths = levels?.map(([h, w]) => h * w) ?? [numel(x.shape.slice(1, -1))];
  let i = 0;
  for (let row = 0; row < x.shape[0]! * lengths.length; row++) {
    const length = lengths[row % lengths.length]! * channels;
    for (let k = 0; k < length; k++) {
      const channel = k % channels;
      const group = row * numGroups + Math.floor((channel * numGroups) / channels);
      visit(i++, channel, group, length / numGroups);
    }
  }
}

export const groupNorm: Reference<'x' | 'weight' | 'bias', never, 'y' | 'mean' | 'invstd', GroupNormAttrs> = (
  { x, weight, bias },
  attrs,
  outputs,
) => {
  const y = refArray(outputs.y);
  const mean = refArray(outputs.mean);
  const invstd = refArray(outputs.invstd);
  const variance = refArray(outputs.mean);
  eachElement(x, attrs, (i, _, group, count) => {
    mean[group]! += x.data[i]! / count;
  });
  eachElement(x, attrs, (i, _, group, count) => {
    variance[group]! += (x.data[i]! - mean[group]!) ** 2 / count;
  });
  for (let g = 0; g < invstd.length; g++) invstd[g] = 1 / Math.sqrt(variance[g]! + attrs.eps);
  eachElement(x, attrs, (i, channel, group) => {
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
> = ({ dy, x, weight, mean, invstd }, attrs, outputs) => {
  const dx = refArray(outputs.dx);
  const dweight = refArray(outputs.dweight);
  const dbias = refArray(outputs.dbias);
  const first = new Float64Array(mean.data.length);
  const second = new Float64Array(mean.data.length);
  const xhat = (i: number, group: number) => (x.data[i]! - mean.data[group]!) * invstd.data[group]!;
  eachElement(x, attrs, (i, channel, group, count) => {
    dbias[channel]! += dy.data[i]!;
    dweight[channel]! += dy.data[i]! * xhat(i, group);
    const dxhat = dy.data[i]! * weight.data[channel]!;
    first[group]! += dxhat / count;
    second[group]! += (dxhat * xhat(i, group)) / count;
  });
  eachElement(x, attrs, (i, channel, group) => {
    const dxhat = dy.data[i]! * weight.data[channel]!;
    dx[i] = invstd.data[group]! * (dxhat - first[group]! - xhat(i, group) * second[group]!);
  });
  return { dx, dweight, dbias };
};
