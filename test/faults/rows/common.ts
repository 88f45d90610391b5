import { type Tensor, zeros } from '../../../src/graph/tensor.ts';

export const f = (...shape: number[]): Tensor => zeros(shape);
export const i = (...shape: number[]): Tensor => zeros(shape, 'i32');
export const u = (...shape: number[]): Tensor => zeros(shape, 'u32');

export interface Faults {
  /** The name that messages begin with; by default the function's in snake_case. */
  readonly op?: string | RegExp;
  /** A call that works. */
  readonly good: () => unknown;
  /** Calls that must throw ShapeError, each with what its message must name. */
  readonly bad: readonly (readonly [call: () => unknown, names: string | RegExp])[];
}

export const any = undefined as never;
export const numbers = { NaN: Number.NaN, inf: Number.POSITIVE_INFINITY };
export const image = () => f(1, 8, 8, 4);

/** Rows of a against rows of b. */
export const pairs = (fn: (a: Tensor, b: Tensor) => Tensor): Faults => ({
  good: () => fn(f(2, 4), f(3, 4)),
  bad: [
    [() => fn(f(2, 5), f(3, 4)), '[2,5]'],
    [() => fn(f(2, 4), i(3, 4)), 'i32'],
    [() => fn(f(4), f(3, 4)), '[4]'],
  ],
});
