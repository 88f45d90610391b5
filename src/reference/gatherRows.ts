import type { GatherRowsAttrs, GatherRowsBackwardAttrs } from '../kernels/shape/gatherRows.ts';
import { type Reference, refArray } from './reference.ts';

export const gatherRows: Reference<'x' | 'index', never, 'y', GatherRowsAttrs> = (
  { x, index },
  { batchDims },
  outputs,
) => {
  const y = refArray(outputs.y);
  const rows = x.shape[batchDims]!;
  const count = index.shape.at(-1)!;
  const width = y.length / Math.max(index.data.length, 1);
  index.data.forEach((row, m) => {
    if (row < 0 || row >= rows) return;
    const from = (batchDims === 1 ? Math.floor(m / count) * rows : 0) + row;
    for (let k = 0; k < width; k++) y[m * width + k] = x.data[from * width + k]!;
  });
  return { y };
};

export const gatherRowsBackward: Reference<'dy' | 'index', never, 'dx', GatherRowsBackwardAttrs> = (
  { dy, index },
  { batchDims, rows },
  outputs,
) => {
  const dx = refArray(outputs.dx);
  const count = index.shape.at(-1)!;
  const width = dy.data.length / Math.max(index.data.length, 1);
  index.data.forEach((row, m) => {
    if (row < 0 || row >= rows) return;
    const to = (batchDims === 1 ? Math.floor(m / count) * rows : 0) + row;
    for (let k = 0; k < width; k++) dx[to * width + k]! += dy.data[m * width + k]!;
  });
  return { dx };
};
