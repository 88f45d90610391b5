import { ShapeError } from '../../errors.ts';
import { formatSpec, normalizeDim, numel, type TensorSpec } from '../../shape.ts';
import concatShader from '../../wgsl/shape/concat.wgsl';
import { type Dispatch, defineKernel, wgslType } from '../kernel.ts';

/** Attributes of `concat`. */
export interface ConcatAttrs {
  /** The dimension to join along, counted from the front. */
  readonly dim: number;
}

const inputsOf = (specs: Readonly<Record<string, TensorSpec | undefined>>): [string, TensorSpec][] =>
  Object.entries(specs).filter(
    (entry): entry is [string, TensorSpec] => /^x\d+$/.test(entry[0]) && !!entry[1],
  );

/**
 * Tensors joined along one dimension, in order (torch.cat). Inputs x0, x1, …: any dtype, all the same; equal
 * shapes but for `dim`, where sizes may be 0. Throws ShapeError for no inputs, or inputs that do not fit.
 */
export const concat = defineKernel({
  name: 'concat',
  inputs: [] as string[],
  outputs: ['y'],
  variadic: true,
  attributes: ['dim'],
  infer(specs: Readonly<Record<string, TensorSpec>>, { dim }: ConcatAttrs) {
    const inputs = inputsOf(specs);
    const first = inputs[0]?.[1];
    if (!first) throw new ShapeError('concat: no inputs; give at least x0');
    const axis = normalizeDim('concat', dim, first.shape.length);
    for (const [name, spec] of inputs) {
      const fits =
        spec.dtype === first.dtype &&
        spec.shape.length === first.shape.length &&
        spec.shape.every((size, d) => d === axis || size === first.shape[d]);
      if (!fits) {
        throw new ShapeError(
          `concat: ${formatSpec(name, spec)} and ${formatSpec('x0', first)} must agree in dtype and in all dimensions but ${axis}`,
        );
      }
    }
    const size = inputs.reduce((total, [, spec]) => total + spec.shape[axis]!, 0);
    return { y: { shape: first.shape.map((s, d) => (d === axis ? size : s)), dtype: first.dtype } };
  },
  dispatches(_caps, specs, { y }, { dim }) {
    const axis = normalizeDim('concat', dim, y.shape.length);
    const inner = numel(y.shape.slice(axis + 1));
    const stride = y.shape[axis]! * inner;
    const T = wgslType(y.dtype);
    let first = 0;
    const dispatches = inputsOf(specs).map(([name, spec]): Dispatch => {
      const length = spec.shape[axis]! * inner;
      const width = [length, stride, first].every((n) => n % 4 === 0) ? 4 : 1;
      const total = numel(spec.shape) / width;
      const params = { total, length: length / width, stride: stride / width, first: first / width };
      first += length;
      return {
        shader: concatShader,
        types: { X: width === 4 ? `vec4<${T}>` : T },
        params,
        bind: { x: name },
        grid: total,
      };
    });
    return { dispatches };
  },
});
