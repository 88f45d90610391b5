import type { Caps } from '../device/caps.ts';
import type { Pair, Shape, TensorSpec } from '../shape.ts';
import type { KernelPlan } from './dispatch.ts';
import type { ElementwiseExpression } from './elementwise/row.ts';

/** A kernel's inputs by name: `I`, and `O` where they are given. */
export type SpecsOf<I extends string, O extends string> = { readonly [K in I]: TensorSpec } & {
  readonly [K in O]?: TensorSpec;
};

/** The description of one operation: shape rule and plan, both pure. */
export interface Kernel<
  I extends string = string,
  O extends string = string,
  Y extends string = string,
  A extends object = object,
  G extends object = A,
> {
  /** The name of the operation, in snake_case. */
  readonly name: string;
  /** The names of the inputs that must be given. */
  readonly inputs: readonly I[];
  /** The names of the inputs that may be left out. */
  readonly optional: readonly O[];
  /** The names of the outputs. */
  readonly outputs: readonly Y[];
  /** Float inputs that stay f32 where the others are f16: statistics, coordinates of regions, gradients of losses. */
  readonly f32Inputs?: readonly (I | O)[];
  /** Whether it takes any number of inputs, named x0, x1, …. */
  readonly variadic?: boolean;
  /** For each output that is written over an input, in an optimizer's step: the name of that input. */
  readonly inPlace?: { readonly [K in string]?: I };
  /** The expression of an elementwise operation, by which programs fuse it with its neighbours. */
  readonly elementwise?: ElementwiseExpression;
  /** Fills in the defaults of attributes that were left out. Throws ShapeError for an unknown one. */
  attributes(given: G): A;
  /**
   * The shape rule: the outputs' shapes and dtypes, from the inputs' and the attributes. Throws ShapeError where they
   * do not fit.
   */
  infer(specs: SpecsOf<I, O>, attrs: A): { readonly [K in Y]: TensorSpec };
  /** The dispatches that compute it on a device with these capabilities. */
  dispatches(
    caps: Caps,
    specs: SpecsOf<I, O>,
    outputs: { readonly [K in Y]: TensorSpec },
    attrs: A,
  ): KernelPlan;
}

/**
 * Attributes as they are passed to `plan`: all but `Required` may be left out, and one number will do for (height, width).
 * Each attribute's description says its default.
 */
export type Given<A, Required extends keyof A = never> = {
  readonly [K in Required]: GivenValue<A[K]>;
} & { readonly [K in Exclude<keyof A, Required>]?: GivenValue<A[K]> };

/** The value of an attribute as it is passed: where it is (height, width), one number may stand for both. */
export type GivenValue<T> = T extends readonly [number, number] ? Pair : T;

/** The shape and dtype of a tensor, or its shape alone, which means f32. */
export type Shaped = Shape | TensorSpec;

/** The shapes of a kernel's inputs by name, as `plan` takes them: `I`, and `O` where they are given. */
export type ShapesOf<I extends string, O extends string> = { readonly [K in I]: Shaped } & {
  readonly [K in O]?: Shaped;
};
