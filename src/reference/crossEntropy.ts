import type { CrossEntropyAttrs } from '../kernels/crossEntropy.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

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

function logSoftmax(row: number[]): number[] {
  const top = Math.max(...row);
  const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0));
  return row.map((value) => value - top - logSum);
}

export const crossEntropy: Reference<'x' | 'target', 'weight', 'loss' | 'rowWeight', CrossEntropyAttrs> = (
  { x, target, weight },
  attrs,
  outputs,
) => {
  const [loss, rowWeight] = [refArray(outputs.loss), refArray(outputs.rowWeight)];
  const classes = x.shape.at(-1)!;
  target.data.forEach((label, i) => {
    const shares = sharesOf(classes, label, weight, attrs);
    if (!shares) return;
    const logs = logSoftmax([...x.data.subarray(i * classes, (i + 1) * classes)]);
    rowWeight[i] = weight?.data[label] ?? 1;
    // A class without a share does not count, even where its log is -infinity.
    shares.forEach((share, c) => {
      if (share !== 0) loss[i]! -= share * logs[c]!;
    });
  });
  return { loss, rowWeight };
};

export const crossEntropyBackward: Reference<'x' | 'target' | 'g', 'weight', 'dx', CrossEntropyAttrs> = (
  { x, target, g, weight },
  attrs,
  outputs,
) => {
  const dx = refArray(outputs.dx);
  const classes = x.shape.at(-1)!;
  target.data.forEach((label, i) => {
    const shares = sharesOf(classes, label, weight, attrs);
    if (!shares) return;
    const logs = logSoftmax([...x.data.subarray(i * classes, (i + 1) * classes)]);
    // d(-share_k log p_k) / dx_c = share_k (p_c - [c = k])
    for (let k = 0; k < classes; k++) {
      for (let c = 0; c < classes; c++) {
        dx[i * classes + c]! += g.data[i]! * shares[k]! * (Math.exp(logs[c]!) - Number(c === k));
      }
    }
  });
  return { dx };
};
