import type { GatherAttrs } from '../kernels/shape/gather.ts';
import { numel } from '../shape.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

/** Every index with where it is and, where it is in 0..n-1, the element along dim of x that it means. */
function eachIndex(
  x: RefTensor,
  index: RefTensor,
  dim: number,
  visit: (at: number, element: number) => void,
): void {
  const [n, count] = [x.shape[dim]!, index.shape[dim]!];
  const inner = numel(x.shape.slice(dim + 1));
  index.data.forEach((place, at) => {
    const outer = Math.floor(at / inner / count);
    if (place >= 0 && place < n) visit(at, (outer * n + place) * inner + (at % inner));
  });
}

export const gather: Reference<'x' | 'index', never, 'y', GatherAttrs> = ({ x, index }, { dim }, outputs) => {
  const y = refArray(outputs.y);
  eachIndex(x, index, dim, (at, element) => {
    y[at] = x.data[element]!;
  });
  return { y };
};

export const scatter: Reference<'x' | 'index' | 'src', never, 'y', GatherAttrs> = (
  { x, index, src },
  { dim },
  outputs,
) => {
  const y = refArray(outputs.y);
  y.set(x.data);
  eachIndex(x, index, dim, (at, element) => {
    y[element] = src.data[at]!;
  });
  return { y };
};

export const scatterAdd: Reference<'x' | 'index' | 'src', never, 'y', GatherAttrs> = (
  { x, index, src },
  { dim },
  outputs,
) => {
  const y = refArray(outputs.y);
  y.set(x.data);
  eachIndex(x, index, dim, (at, element) => {
    y[element]! += src.data[at]!;
  });
  return { y };
};
