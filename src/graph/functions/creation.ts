import { ShapeError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { type DType, expectNumber, expectShape, type Shape } from '../../shape.ts';
import { hostArray } from '../state.ts';
import { expectTensors, full, type Tensor, tensor } from '../tensor.ts';
import { type TensorOptions, tensorOptions } from '../tensorOptions.ts';
import { expectDTypeName, expectHeld } from '../values.ts';
import { add, affine, cos, floor, log, mul, sqrt } from './elementwise.ts';
import { argsort } from './reduce.ts';
import { cast, rand } from './shape.ts';

/** Values in the dtype; integers must be whole. */
function constant(
  op: string,
  values: Float64Array,
  shape: Shape,
  { dtype = 'f32', requiresGrad = false }: TensorOptions = {},
): Tensor {
  expectDTypeName(op, dtype);
  expectHeld(op, values, dtype);
  const types = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array };
  return tensor(hostArray(types[dtype].from(values), dtype), shape, { dtype, requiresGrad });
}

/** A tensor of ones, by default f32. Throws ShapeError for sizes that are not whole numbers of 0 or more. */
export const ones = (shape: Shape, options?: DType | TensorOptions): Tensor => full(shape, 1, options);

const like = (op: string, x: Tensor, value: number, options: DType | TensorOptions | undefined): Tensor =>
  full(x.shape, value, { dtype: x.dtype, ...tensorOptions(op, options) });

/** Zeros of x's shape and, where none is given, x's dtype. */
export const zerosLike = (x: Tensor, options?: DType | TensorOptions): Tensor => {
  expectTensors('zeros_like', { x });
  return like('zerosLike', x, 0, options);
};

/** Ones of x's shape and, where none is given, x's dtype. */
export const onesLike = (x: Tensor, options?: DType | TensorOptions): Tensor => {
  expectTensors('ones_like', { x });
  return like('onesLike', x, 1, options);
};

/** Options of `arange`. By default its dtype is f32; give i32 for indices. */
export interface ArangeOptions extends TensorOptions {
  /** From one value to the next; negative steps count down. Default 1. */
  readonly step?: number;
}

/**
 * The numbers start, start + step, … up to end, which is left out: ceil((end - start) / step) of them (PyTorch's arange).
 * `arange(5)` counts from 0. Throws ShapeError for a step of 0 or one that leads away from end, and for fractions as
 * integers.
 */
export function arange(end: number, options?: ArangeOptions): Tensor;
export function arange(start: number, end: number, options?: ArangeOptions): Tensor;
export function arange(first: number, second?: number | ArangeOptions, third: ArangeOptions = {}): Tensor {
  const [start, end] = typeof second === 'number' ? [first, second] : [0, first];
  const given = typeof second === 'number' || second === undefined ? third : second;
  const { step, ...options } = withDefaults('arange', given, {
    step: 1,
    dtype: undefined,
    requiresGrad: undefined,
  });
  expectNumber('arange', 'end', end);
  const count = Math.ceil((end - start) / step);
  if (!Number.isFinite(count) || count < 0 || step === 0) {
    throw new ShapeError(`arange: steps of ${step} do not lead from ${start} to ${end}; use finite numbers`);
  }
  const values = Float64Array.from({ length: count }, (_, i) => start + i * step);
  return constant('arange', values, [count], tensorOptions('arange', options));
}

/**
 * `steps` numbers at equal distances from start to end, both of them included (PyTorch's linspace); of one step, start.
 * f32 [steps]. Throws ShapeError unless start and end are finite, and steps is a whole number of 0 or more.
 */
export function linspace(start: number, end: number, steps: number): Tensor {
  expectShape('linspace', [steps]);
  for (const [name, value] of Object.entries({ start, end })) {
    if (Number.isFinite(value)) continue;
    throw new ShapeError(`linspace: ${name} is ${value}; give a finite number`);
  }
  const last = steps - 1;
  // From both ends, so that the last number is end itself.
  const values = Float64Array.from({ length: steps }, (_, i) =>
    i < steps / 2
      ? start + ((end - start) / Math.max(last, 1)) * i
      : end - ((end - start) / last) * (last - i),
  );
  return constant('linspace', values, [steps]);
}

/** 1 on the diagonal, 0 elsewhere: [n, m], by default f32. m: n where it is not given. */
export function eye(n: number, m = n, options?: DType | TensorOptions): Tensor {
  expectShape('eye', [n, m]);
  const values = new Float64Array(n * m);
  for (let i = 0; i < Math.min(n, m); i++) values[i * m + i] = 1;
  return constant('eye', values, [n, m], tensorOptions('eye', options));
}

/** Streams of `rand` that belong to other functions, so that those that users name have nothing to do with theirs. */
const NORMAL_STREAMS = 2 ** 31;
const ORDER_STREAMS = 3 * 2 ** 30;

/** Two uniform tensors for one stream of a function. */
function twoOf(op: string, first: number, shape: Shape, seed: Tensor, stream: number): [Tensor, Tensor] {
  if (!Number.isInteger(stream) || stream < 0 || stream >= 2 ** 29) {
    throw new ShapeError(`${op}: stream ${stream} must be a whole number from 0 to ${2 ** 29 - 1}`);
  }
  return [rand(shape, seed, first + 2 * stream), rand(shape, seed, first + 2 * stream + 1)];
}

/**
 * Standard normal numbers, f32 of this shape, from two uniform ones each by Box and Muller 1958. As large as 5.7 at most.
 *
 * @param seed i32, one number: the same seed gives the same numbers.
 * @param stream Numbers of different streams of a seed have nothing to do with each other. Default 0.
 */
export function randn(shape: Shape, seed: Tensor, stream = 0): Tensor {
  // No kernel of its own: all that follows the uniform numbers is fused into one dispatch.
  const [first, second] = twoOf('randn', NORMAL_STREAMS, shape, seed, stream);
  const radius = sqrt(affine(log(affine(first, -1, 1)), -2));
  return mul(radius, cos(affine(second, 2 * Math.PI)));
}

/**
 * Draws uniform whole numbers from low to high - 1: i32 of this shape. They are `low + floor(rand * (high - low))`; `rand` has
 * 2^24 different numbers, which are shared out among the results as evenly as whole numbers allow. Throws ShapeError unless
 * low is below high, by at most 2^24, both within i32.
 *
 * @param seed i32, one number: the same seed gives the same numbers.
 * @param stream Numbers of different streams of a seed have nothing to do with each other. Default 0.
 */
export function randint(low: number, high: number, shape: Shape, seed: Tensor, stream = 0): Tensor {
  const whole = Number.isInteger(low) && Number.isInteger(high);
  if (!whole || high <= low || high - low > 2 ** 24) {
    throw new ShapeError(
      `randint: low ${low} and high ${high} must be whole numbers, low below high by at most ${2 ** 24}`,
    );
  }
  expectHeld('randint', [low, high - 1], 'i32');
  return add(cast(floor(mul(rand(shape, seed, stream), high - low)), 'i32'), low);
}

/**
 * The numbers 0 to n - 1 in random order: i32 [n]. Sorts them by random keys of 32 bits.
 *
 * @param seed i32, one number: the same seed gives the same order.
 * @param stream Orders of different streams of a seed have nothing to do with each other. Default 0.
 */
export function randperm(n: number, seed: Tensor, stream = 0): Tensor {
  expectShape('randperm', [n]);
  // 24 bits and 8 more, since uniform numbers have only 24: equal keys keep their order.
  const [high, low] = twoOf('randperm', ORDER_STREAMS, [n], seed, stream);
  const bits = (x: Tensor, count: number) => cast(floor(mul(x, 2 ** count)), 'i32');
  return argsort(add(mul(bits(high, 24), 256), bits(low, 8)));
}
