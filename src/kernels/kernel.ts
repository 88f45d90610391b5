import type { Caps } from '../device/caps.ts';
import type { Pair, Shape, TensorSpec } from '../shape.ts';
import type { KernelPlan } from './dispatch.ts';
import type { ElementwiseExpression } from './elementwise/row.ts';
import { type BufferSource, type EncodableKernel, planKernel } from './encodable.ts';

export {
  checkScratch,
  checkTensor,
  type Dispatch,
  foldGrid,
  type KernelPlan,
  shaderOf,
  wgslType,
  workgroupsOf,
} from './dispatch.ts';
export { type BufferSource, type EncodableKernel, planKernel };

export type Specs = Readonly<Record<string, TensorSpec>>;
type SpecsOf<I extends string, O extends string> = { readonly [K in I]: TensorSpec } & {
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

/** A kernel as the user holds it: planned once for shapes, encoded into any pass after that. */
export interface PlannableKernel<
  I extends string,
  O extends string,
  Y extends string,
  A extends object,
  G extends object = A,
> extends Kernel<I, O, Y, A, G> {
  /**
   * Checks shapes and attributes, compiles, and allocates scratch memory on the caller's device. A shape alone means
   * f32. Throws ShapeError, DeviceLimitError or DeviceLostError.
   */
  plan(
    device: GPUDevice,
    specs: ShapesOf<I, O>,
    ...attrs: object extends G ? [attrs?: G] : [attrs: G]
  ): EncodableKernel<I | O | Y, Y>;
}

/** A shape alone means f32. */
export type Shaped = Shape | TensorSpec;
type ShapesOf<I extends string, O extends string> = { readonly [K in I]: Shaped } & {
  readonly [K in O]?: Shaped;
};

/** A kernel from its description. */
export function defineKernel<
  I extends string,
  Y extends string,
  A extends object,
  O extends string = never,
  G extends object = A,
>(
  kernel: Omit<Kernel<I, O, Y, A, G>, 'optional'> & { readonly optional?: readonly O[] },
): PlannableKernel<I, O, Y, A, G> {
  const complete = { ...kernel, optional: kernel.optional ?? [] };
  return {
    ...complete,
    plan: (device, shapes, attrs = {} as G) =>
      planKernel(device, complete as unknown as Kernel, shapes, attrs),
  };
}
