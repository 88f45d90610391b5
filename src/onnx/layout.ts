import type { Tensor } from '../graph/tensor.ts';
import { natural, type Order, type Value } from './value.ts';

/** Tensors of one rank, their dimensions in one order: ready for an elementwise operation. */
export interface Aligned {
  readonly tensors: Tensor[];
  readonly order: Order;
}

/**
 * Brings values into one order, for operations that treat all dimensions alike: that of the largest value of full rank which
 * is not in ONNX's, so that what is channels-last stays so. Values of fewer dimensions get leading ones of size 1.
 */
export function align(values: readonly Value[]): Aligned {
  const rank = Math.max(...values.map((value) => value.rank));
  const order = orderFor(values.filter((value) => value.rank === rank));
  const tensors = values.map((value) => {
    if (value.rank === rank) return value.tensor(order);
    if (value.rank === 0) return value.tensor();
    const missing = rank - value.rank;
    const own = order.filter((axis) => axis >= missing).map((axis) => axis - missing);
    const sizes = order.map((axis) => (axis < missing ? 1 : value.shape[axis - missing]!));
    return value.tensor(own).reshape(sizes);
  });
  return { tensors, order };
}

/** The order that most of what is computed from these values of one rank is to be in. */
export function orderFor(values: readonly Value[]): Order {
  const rank = values[0]?.rank ?? 0;
  const moved = values.filter(({ order, constant }) => !constant && order.some((axis, i) => axis !== i));
  const largest = Math.max(...values.map(({ size }) => size));
  return moved.find(({ size }) => size === largest)?.order ?? moved[0]?.order ?? natural(rank);
}

/** Where ONNX's dimension lies in an order. */
export const placeOf = (order: Order, axis: number): number => order.indexOf(axis);
