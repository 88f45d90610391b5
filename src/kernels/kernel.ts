import { expectNames } from '../options.ts';
import type { Kernel, ShapesOf } from './description.ts';
import { type BufferSource, type Buffers, type EncodableKernel, planKernel } from './encodable.ts';

export type { Given, Kernel } from './description.ts';
export {
  checkScratch,
  checkTensor,
  type Dispatch,
  foldGrid,
  type KernelPlan,
  type Specs,
  shaderOf,
  wgslType,
  workgroupsOf,
} from './dispatch.ts';
export { type BufferSource, type Buffers, type EncodableKernel, planKernel };

/**
 * A kernel as the user holds it: planned once for shapes, encoded into any pass after that. Inputs `I`, optional ones `O`,
 * outputs `Y`, of which `P` are written over inputs.
 */
export interface PlannableKernel<
  I extends string,
  O extends string,
  Y extends string,
  A extends object,
  G extends object = A,
  P extends string = never,
> extends Kernel<I, O, Y, A, G> {
  /**
   * Checks shapes and attributes, compiles, and allocates scratch memory on your device. A shape alone means
   * f32. Throws ShapeError, DeviceLimitError or DeviceLostError.
   */
  plan(
    device: GPUDevice,
    specs: ShapesOf<I, O>,
    ...attrs: object extends G ? [attrs?: G] : [attrs: G]
  ): EncodableKernel<I | Exclude<Y, P>, Y, O>;
}

/** What `defineKernel` takes. */
export type KernelDescription<
  I extends string,
  Y extends string,
  A extends object,
  O extends string,
  G extends object,
  P extends string = never,
> = Omit<Kernel<I, O, Y, A, G>, 'optional' | 'attributes' | 'inPlace'> & {
  /** For each output `P` that is written over an input, in an optimizer's step: the name of that input. Default: none. */
  readonly inPlace?: { readonly [K in P]: I };
  /** The names of the inputs that may be left out. Default: none. */
  readonly optional?: readonly O[];
  /**
   * Fills in the defaults of attributes that were left out: `infer` and `dispatches` get all of them, and those that it does
   * not return are unknown and refused. Or, where nothing has a default to be filled in, the names of all. Default: none.
   */
  readonly attributes?: ((given: G) => A) | readonly string[];
};

/**
 * A kernel of Fovea's own from its description; users' are made by userKernel.ts, which checks their shaders too. Its `plan`
 * and `infer`, and what `apply` records of it, throw ShapeError for attributes that the description does not name.
 */
export function defineKernel<
  I extends string,
  Y extends string,
  A extends object,
  O extends string = never,
  G extends object = A,
  const P extends string = never,
>(description: KernelDescription<I, Y, A, O, G, P>): PlannableKernel<I, O, Y, A, G, P> {
  const { name, attributes: own = [], optional = [] } = description;
  const attributes = (given: G | A): A => {
    const fills = typeof own === 'function';
    const attrs = fills ? own(given as G) : given;
    expectNames(name, given, [], fills ? Object.keys(attrs) : own);
    return attrs as A;
  };
  const kernel: PlannableKernel<I, O, Y, A, G, P> = {
    ...description,
    optional,
    attributes,
    infer: (specs, attrs) => description.infer(specs, attributes(attrs)),
    plan: (device, shapes, attrs = {} as G) => planKernel(device, kernel as unknown as Kernel, shapes, attrs),
  };
  return kernel;
}
