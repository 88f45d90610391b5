import type { CrossEntropyAttrs } from '../kernels/losses/crossEntropy.ts';
import { type RefArray, type Reference, type RefTensor, refArray } from './reference.ts';

/** The share of each class in a row's loss (so that loss = -sum share log p), or null where it is ignored. */
function sharesOf(
  classes: number,
  label: number,
  weight: RefTensor | undefined,
  { ignoreIndex = -100, labelSmoothing = 0 }: CrossEntropyAttrs,
): number[] | null {
  if (label === ignoreIndex || label < 0 || label >= classes) return null;
  return Array.from({ length: classes }, (_, c) => {
    const share = (c === label ? 1 - labelSmoothing : 0) + labelSmoothing / classes;
    return share * (weight?.data[c] ?? 1);
  });
}

/** A row's greatest logit, and the sum of exp(x - greatest). */
function statsOf(row: Float64Array): [top: number, sum: number] {
  const top = Math.max(...row);
  return [top, row.reduce((sum, value) => sum + Math.exp(value - top), 0)];
}

export const crossEntropy: Reference<
  'x' | 'target',
  'weight',
  'loss' | 'rowWeight' | 'stats',
  CrossEntropyAttrs
> = ({ x, target, weight }, attrs, outputs) => {
  const [loss, rowWeight, stats] = [outputs.loss, outputs.rowWeight, outputs.stats].map(refArray) as [
    RefArray,
    RefArray,
    RefArray,
  ];
  const classes = x.shape.at(-1)!;
  target.data.forEach((label, i) => {
    const shares = sharesOf(classes, label, weight, attrs);
    if (!shares) return;
    const row = x.data.subarray(i * classes, (i + 1) * classes) as Float64Array;
    const [top, sum] = statsOf(row);
    stats.set([top, sum], 2 * i);
    rowWeight[i] = weight?.data[label] ?? 1;
    // A class without a share does not count, even where its log is -infinity.
    shares.forEach((share, c) => {
      if (share !== 0) loss[i]! -= share * (row[c]! - top - Math.log(sum));
    });
  });
  return { loss, rowWeight, stats };
};

export const crossEntropyBackward: Reference<
  'x' | 'target' | 'stats' | 'dy',
  'weight',
  'dx',
  CrossEntropyAttrs
> = ({ x, target, stats, dy, weight }, attrs, outputs) => {
  const dx = refArray(outputs.dx);
  const classes = x.shape.at(-1)!;
  target.data.forEach((label, i) => {
    const shares = sharesOf(classes, label, weight, attrs);
    if (!shares) return;
    const [top, sum] = [stats.data[2 * i]!, stats.data[2 * i + 1]!];
    const upstream = dy.data[dy.data.length === 1 ? 0 : i]!;
    // d(-share_k log p_k) / dx_c = share_k (p_c - [c = k])
    for (let k = 0; k < classes; k++) {
      for (let c = 0; c < classes; c++) {
        const p = Math.exp(x.data[i * classes + c]! - top) / sum;
        dx[i * classes + c]! += upstream * shares[k]! * (p - Number(c === k));
      }
    }
  });
  return { dx };
};
