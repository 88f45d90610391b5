import type { Shape } from '../../src/shape.ts';
import { numel } from '../../src/shape.ts';
import type { Layout, Values } from './workload.ts';

/** Where each of onnxruntime's dimensions is in ours. */
const ORDER: Readonly<Record<Exclude<Layout, 'plain'>, readonly number[]>> = {
  image: [0, 3, 1, 2],
  filter: [3, 2, 0, 1],
};

/** Elements in another order of dimensions: y.shape[i] = x.shape[order[i]]. */
export function permuted(
  data: Values,
  shape: Shape,
  order: readonly number[],
): { data: Values; dims: number[] } {
  const dims = order.map((axis) => shape[axis]!);
  const strides = shape.map((_, axis) => numel(shape.slice(axis + 1)));
  const steps = order.map((axis) => strides[axis]!);
  const result = data instanceof Float32Array ? new Float32Array(data.length) : new Int32Array(data.length);
  const index = dims.map(() => 0);
  let from = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = data[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      from -= steps[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return { data: result, dims };
}

export const toOrt = (data: Values, shape: Shape, layout: Layout): { data: Values; dims: number[] } =>
  layout === 'plain' ? { data, dims: [...shape] } : permuted(data, shape, ORDER[layout]);

/** Back into our order. */
export function fromOrt(data: Values, dims: Shape, layout: Layout): Values {
  if (layout === 'plain') return data;
  const order = ORDER[layout];
  return permuted(
    data,
    dims,
    order.map((_, axis) => order.indexOf(axis)),
  ).data;
}
