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
  readonly name: string;
  readonly inputs: readonly I[];
  readonly optional: readonly O[];
  readonly outputs: readonly Y[];
  /** Float inputs that stay f32 where the others are f16: statistics, coordinates of regions, losses' gradients. */
  readonly f32Inputs?: readonly (I | O)[];
  /** Inputs are x0, x1, …: as many as the caller has. */
  readonly variadic?: boolean;
  /** output -> input whose buffer it overwrites (optimizer steps). */
  readonly inPlace?: Readonly<Partial<Record<Y, I>>>;
  /** Set for elementwise operations: what lowering fuses them by. */
  readonly elementwise?: ElementwiseExpression;
  /** Fills in what the caller left out. The graph and `plan` give `infer` and `dispatches` complete attributes. */
  attributes?(given: G): A;
  infer(specs: SpecsOf<I, O>, attrs: A): { readonly [K in Y]: TensorSpec };
  /** How it runs on its own; where it has several strategies, by the cheapest of them (`planAlone`). */
  dispatches(
    caps: Caps,
    specs: SpecsOf<I, O>,
    outputs: { readonly [K in Y]: TensorSpec },
    attrs: A,
  ): KernelPlan;
}

/**
 * Attributes as callers give them: what is not Required may be left out, and one number stands for (height, width). The
 * defaults stand with each attribute.
 */
export type Given<A, Required extends keyof A = never> = {
  readonly [K in Required]: Loose<A[K]>;
} & { readonly [K in Exclude<keyof A, Required>]?: Loose<A[K]> };
type Loose<T> = T extends readonly [number, number] ? Pair : T;

/** A shape alone means f32. */
export type Shaped = Shape | TensorSpec;
export type ShapesOf<I extends string, O extends string> = { readonly [K in I]: Shaped } & {
  readonly [K in O]?: Shaped;
};
