import { ShapeError } from '../../errors.ts';
import type { Tensor } from '../tensor.ts';
import { mean, sum } from './reduce.ts';

/** What happens to the losses of single elements. */
export type Reduction = 'none' | 'mean' | 'sum';

/** The losses of single elements, or their mean or sum. */
export const reduceLoss = (op: string, loss: Tensor, reduction: Reduction): Tensor => {
  expectReduction(op, reduction);
  return reduction === 'none' ? loss : reduction === 'sum' ? sum(loss) : mean(loss);
};

export function expectReduction(op: string, reduction: Reduction): void {
  if (reduction === 'none' || reduction === 'mean' || reduction === 'sum') return;
  throw new ShapeError(`${op}: no reduction "${reduction}"; choose none, mean, sum`);
}
