import type { Kernel, ShapesOf } from './description.ts';
import { type BufferSource, type EncodableKernel, planKernel } from './encodable.ts';

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
export { type BufferSource, type EncodableKernel, planKernel };

/** A kernel as the user holds it: planned once for shapes, encoded into any pass after that. */
export interface PlannableKernel<
  I extends string,
  O extends string,
  Y extends string,
  A extends object,
  G extends object = A,
> extends Kernel<I, O, Y, A, G> {
  /**
   * Checks shapes and attributes, compiles, and allocates scratch memory on your device. A shape alone means
   * f32. Throws ShapeError, DeviceLimitError or DeviceLostError.
   */
  plan(
    device: GPUDevice,
    specs: ShapesOf<I, O>,
    ...attrs: object extends G ? [attrs?: G] : [attrs: G]
  ): EncodableKernel<I | O | Y, Y>;
}

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
