import { ShapeError } from '../../errors.ts';
import { type DType, expectDType, isFloat, numel } from '../../shape.ts';
import castShader from '../../wgsl/elementwise/cast.wgsl';
import castPlain from '../../wgsl/elementwise/lib/cast_plain.wgsl';
import castSaturate from '../../wgsl/elementwise/lib/cast_saturate.wgsl';
import { defineKernel, wgslType } from '../kernel.ts';

/** Attributes of `cast`. */
export interface CastAttrs {
  /** The element type of y. */
  readonly dtype: DType;
}

const DTYPES: readonly DType[] = ['f32', 'f16', 'i32', 'u32'];

/**
 * `y = x` with another element type. f32 to f16 rounds, beyond 65,504 to infinity. Float to integer truncates towards zero; values outside
 * the range give its nearest end, NaN gives 0. Integer to float rounds to the nearest. i32 and u32 convert
 * into each other modulo 2^32, that is, the bits stay.
 */
export const cast = defineKernel({
  name: 'cast',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ['dtype'],
  infer({ x }, { dtype }: CastAttrs) {
    expectDType('cast', 'x', x, 'f32', 'f16', 'i32', 'u32');
    if (!DTYPES.includes(dtype)) {
      throw new ShapeError(`cast: no dtype "${dtype}" to convert ${x.dtype} to; choose ${DTYPES.join(', ')}`);
    }
    return { y: { shape: x.shape, dtype } };
  },
  dispatches(_caps, { x }, _outputs, { dtype }) {
    const width = numel(x.shape) % 4 === 0 ? 4 : 1;
    const total = numel(x.shape) / width;
    const wide = (type: DType) => (width === 4 ? `vec4<${wgslType(type)}>` : wgslType(type));
    const saturate = isFloat(x.dtype) && !isFloat(dtype);
    return {
      dispatches: [
        {
          shader: castShader,
          snippets: [saturate ? castSaturate : castPlain],
          types: {
            X: wide(x.dtype),
            Y: wide(dtype),
            ...(saturate ? { F: wide('f32'), U: wide('u32') } : {}),
          },
          ...(saturate ? { constants: { SIGNED: dtype === 'i32' } } : {}),
          params: { total },
          grid: total,
        },
      ],
    };
  },
});
