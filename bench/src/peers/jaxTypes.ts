/*
 * Types for the part of jax-js that the bench uses. The package is installed separately (bench/peers), so its own types are
 * missing when this code is checked.
 */

import type { Shape } from '../../../src/shape.ts';

/** An array, or what stands for one while a function is recorded. */
export interface JaxArray {
  readonly shape: number[];
  readonly dtype: string;
  /** The array, once more: every function takes one reference of what it is given. */
  readonly ref: JaxArray;
  data(): Promise<Float32Array | Int32Array | Uint32Array>;
  dispose(): void;
}

export type JaxPair = [number, number];
type Axis = number | readonly number[];
type Value = JaxArray | number;
type Unary = (x: JaxArray) => JaxArray;
type Binary = (a: Value, b: Value) => JaxArray;
type Reduce = (x: JaxArray, axis?: Axis | null, options?: { keepdims?: boolean }) => JaxArray;

/** jax-js's `numpy`, as far as rows use it. */
export interface JaxNumpy {
  readonly float32: unknown;
  readonly float16: unknown;
  array(values: Float32Array | Int32Array, options: { shape: Shape }): JaxArray;
  zeros(shape: Shape): JaxArray;
  full(shape: Shape, value: number): JaxArray;
  astype(x: JaxArray, dtype: unknown): JaxArray;
  matmul(a: JaxArray, b: JaxArray): JaxArray;
  add: Binary;
  subtract: Binary;
  multiply: Binary;
  divide: Binary;
  maximum: Binary;
  power: Binary;
  equal: Binary;
  where(condition: JaxArray, x: Value, y: Value): JaxArray;
  negative: Unary;
  exp: Unary;
  log: Unary;
  sqrt: Unary;
  absolute: Unary;
  square: Unary;
  sum: Reduce;
  mean: Reduce;
  max: Reduce;
  var: Reduce;
  sort(x: JaxArray): JaxArray;
  argsort(x: JaxArray): JaxArray;
  flip(x: JaxArray): JaxArray;
  take(x: JaxArray, indices: JaxArray, axis?: number): JaxArray;
  concatenate(parts: readonly JaxArray[], axis: number): JaxArray;
  pad(x: JaxArray, widths: readonly (readonly number[])[]): JaxArray;
  repeat(x: JaxArray, times: number, axis: number): JaxArray;
  reshape(x: JaxArray, shape: Shape): JaxArray;
  transpose(x: JaxArray, order: readonly number[]): JaxArray;
}

/** jax-js's `lax`: images are [N,C,H,W], filters [O,I,kh,kw]. */
export interface JaxLax {
  convGeneralDilated(
    x: JaxArray,
    weight: JaxArray,
    strides: readonly number[],
    padding: readonly JaxPair[],
    options?: { rhsDilation?: readonly number[]; featureGroupCount?: number },
  ): JaxArray;
  reduceWindow(
    x: JaxArray,
    reduce: (x: JaxArray) => JaxArray,
    size: readonly number[],
    strides: readonly number[],
  ): JaxArray;
  topK(x: JaxArray, k: number): [JaxArray, JaxArray];
}

export interface JaxNn {
  relu: Unary;
  relu6: Unary;
  sigmoid: Unary;
  softplus: Unary;
  logSoftmax(x: JaxArray, axis?: number): JaxArray;
  oneHot(x: JaxArray, classes: number): JaxArray;
}

/** jax-js's functions for rows: none takes its arguments away, as the originals do. */
export interface Jax {
  readonly np: JaxNumpy;
  readonly lax: JaxLax;
  readonly nn: JaxNn;
  /** The gradients of `fn` to its inputs, where `dy` is that of its result. */
  grads(fn: (...inputs: JaxArray[]) => JaxArray, inputs: readonly JaxArray[], dy: JaxArray): JaxArray[];
  /** A loss, and its gradients. */
  valueAndGrads(
    fn: (inputs: readonly JaxArray[]) => JaxArray,
    inputs: readonly JaxArray[],
  ): [loss: JaxArray, gradients: JaxArray[]];
}

type Tree = JaxArray | readonly Tree[];

/** The package. */
export interface JaxPackage {
  readonly numpy: JaxNumpy;
  readonly lax: JaxLax;
  readonly nn: JaxNn;
  readonly tree: { dispose(tree: unknown): void };
  init(device: 'webgpu'): Promise<string[]>;
  defaultDevice(device: 'webgpu'): string;
  getWebGPUDevice(): GPUDevice;
  blockUntilReady<T extends Tree>(tree: T): Promise<T>;
  jit<F extends (...inputs: never[]) => unknown>(fn: F): F;
  vjp(
    fn: (...inputs: JaxArray[]) => JaxArray,
    inputs: readonly JaxArray[],
  ): [JaxArray, (dy: JaxArray) => JaxArray[]];
  valueAndGrad(fn: (inputs: JaxArray[]) => JaxArray): (inputs: JaxArray[]) => [JaxArray, JaxArray[]];
}
