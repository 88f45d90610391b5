import { expectFloatImage } from '../data/floatImage.ts';
import type { FloatImage } from '../data/image.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Results, Step } from '../plan/step.ts';
import type { Fit, Placement } from './fits.ts';
import type { GpuImage } from './gpuImage.ts';
import { fittedImage } from './prepare.ts';

/** An image on its way into a network. */
export interface NetworkInput extends Placement {
  /** What a program takes, [1,H,W,3]. */
  readonly tensor: Tensor;
  /** What the program does with it first, where it is not prepared yet: the result is [1,height,width,3]. */
  readonly prepare?: (x: Tensor) => Tensor;
}

/** Whether an image is on a GPU. It is not told by its class: whoever has none does not load that. */
export const isOnGpu = (image: FloatImage | GpuImage): image is GpuImage => 'expectOn' in Object(image);

/** Throws for what is no `FloatImage`, and for a `GpuImage` that is disposed of or on another device: see there. */
export function expectImage(call: string, name: string, image: FloatImage | GpuImage, gpu: Gpu): void {
  if (isOnGpu(image)) image.expectOn(call, gpu.device.device);
  else expectFloatImage(call, name, image);
}

/** An image on a GPU as a program takes it. */
export const batchOfOne = ({ tensor, height, width }: GpuImage): Tensor =>
  tensor.reshape([1, height, width, 3]);

/** Prepares an image: on the host at once, one on a GPU within the program. */
export function networkInput(image: FloatImage | GpuImage, fit: Fit): NetworkInput {
  if (isOnGpu(image)) {
    const { fitted } = image;
    return { ...fit, tensor: batchOfOne(image), prepare: (x) => fitted(x, fit) };
  }
  return { ...fit, tensor: tensor(fittedImage(image, fit).data, [1, fit.height, fit.width, 3]) };
}

/**
 * Runs a program of one image, and keeps it for one size: the images of a folder mostly have the same. Those on a GPU have a program of
 * their own, which prepares them.
 */
export class SizedStep<R extends Results> {
  readonly #current = new Map<'host' | 'gpu', { readonly key: string; readonly step: Step<R> }>();
  readonly #gpu: Gpu;
  readonly #program: (images: Tensor) => R;

  constructor(gpu: Gpu, program: (images: Tensor) => R) {
    this.#gpu = gpu;
    this.#program = program;
  }

  run({ tensor: x, prepare }: Pick<NetworkInput, 'tensor' | 'prepare'>): ReturnType<Step<R>> {
    const place = prepare ? 'gpu' : 'host';
    const key = String(x.shape);
    const known = this.#current.get(place);
    if (known?.key === key) return known.step(x);
    known?.step.dispose();
    const program = this.#program;
    const step = this.#gpu.capture((images: Tensor) =>
      program(prepare ? prepare(images) : images),
    ) as Step<R>;
    this.#current.set(place, { key, step });
    return step(x);
  }

  dispose(): void {
    for (const { step } of this.#current.values()) step.dispose();
    this.#current.clear();
  }
}
