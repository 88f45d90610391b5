import { ShapeError } from '../../errors.ts';
import { expectList, expectShape, numel } from '../../shape.ts';
import copyRange from '../../wgsl/optimizers/copy_range.wgsl';
import fill from '../../wgsl/shape/fill.wgsl';
import { type Dispatch, defineKernel, type Specs, wgslType } from '../kernel.ts';

/** Attributes of `pack`. */
export interface PackAttrs {
  /** Where each input begins in y, in elements, ascending. */
  readonly offsets: readonly number[];
  /** The number of elements of y. */
  readonly size: number;
}

/**
 * Tensors laid into one flat buffer: y[offsets[k] + i] = xk[i], zero between them. x0, x1, …: any shapes of f32;
 * y: [size]. Lowering lets gradients be written where they belong, so that most of the copies fall away.
 */
export const pack = defineKernel({
  name: 'pack',
  inputs: [] as string[],
  outputs: ['y'],
  variadic: true,
  attributes: ['offsets', 'size'],
  infer(specs: Specs, { offsets, size }: PackAttrs) {
    expectList('pack', 'offsets', offsets);
    expectShape('pack: y', [size]);
    Object.values(specs).forEach((spec, k) => {
      const end = offsets[k]! + numel(spec.shape);
      if (end > (offsets[k + 1] ?? size)) {
        throw new ShapeError(`pack: input ${k} ends at ${end}, after ${offsets[k + 1] ?? size}`);
      }
    });
    return { y: { shape: [size], dtype: 'f32' } };
  },
  /** The first dispatch clears y; each of the others lays one input down, in order. */
  dispatches(_caps, specs: Specs, { y }, { offsets, size }) {
    const types = { T: wgslType(y.dtype) };
    const clear: Dispatch = { shader: fill, types, params: { total: size, value: 0 }, grid: size };
    const copies = Object.entries(specs).map(([name, spec], k): Dispatch => {
      const total = numel(spec.shape);
      return {
        shader: copyRange,
        types,
        params: { total, offset: offsets[k]! },
        bind: { x: name },
        grid: total,
      };
    });
    return { dispatches: [clear, ...copies] };
  },
});
