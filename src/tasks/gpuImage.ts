/// <reference lib="esnext.disposable" preserve="true" />
import type { FloatImage } from '../data/image.ts';
import type { Device } from '../device/device.ts';
import { LifetimeError, UsageError } from '../errors.ts';
import { Tensor } from '../graph/tensor.ts';
import { byteLength } from '../shape.ts';
import type { ImageSize } from '../vision/boxes.ts';
import { fittedOnGpu } from './fitOnGpu.ts';

/**
 * An RGB image on a GPU, as `FloatImage` is one on the host: values in 0..1 [height, width, 3], as stored (sRGB, not linear), alpha
 * dropped. `fromVideoFrame` and `fromTexture` make it. It does not change, and takes 12 bytes a pixel on the device until `dispose`.
 */
export class GpuImage {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Always 3: red, green, blue. */
  readonly channels = 3;
  /**
   * Its values, f32 [height, width, 3], for functions and steps of your own: `step(image.tensor.reshape([1, height, width, 3]))`. On
   * the same device, and until `dispose`.
   */
  readonly tensor: Tensor;
  readonly #device: Device;
  readonly #buffer: GPUBuffer;
  #disposed = false;

  /** @internal */
  constructor(device: Device, buffer: GPUBuffer, { width, height }: ImageSize) {
    this.#device = device;
    this.#buffer = buffer;
    this.width = width;
    this.height = height;
    const copyTo = (other: GPUDevice, goal: GPUBuffer) => this.#copyTo(other, goal);
    this.tensor = new Tensor(
      { shape: [height, width, 3], dtype: 'f32' },
      { kind: 'device', data: { copyTo } },
    );
  }

  #copyTo(other: GPUDevice, goal: GPUBuffer): void {
    this.expectOn('tensor of a GpuImage', other);
    const encoder = other.createCommandEncoder({ label: 'image' });
    encoder.copyBufferToBuffer(this.#buffer, 0, goal, 0, byteLength(this.tensor));
    this.#device.submit(encoder);
  }

  /**
   * Throws LifetimeError where it was disposed of, UsageError where it is on another device, DeviceLostError where that is lost.
   *
   * @internal
   */
  expectOn(call: string, device: GPUDevice): void {
    const size = `${this.width}x${this.height}`;
    if (this.#disposed) {
      throw new LifetimeError(
        `${call}: the image of ${size} was disposed of; dispose of it when the call that takes it has returned`,
      );
    }
    if (device !== this.#device.device) {
      const other = device.label || 'another one';
      throw new UsageError(
        `${call}: the image of ${size} is on the device of ${this.#device.adapter.name}, and not on that of this call (${other}); make it with the same Gpu`,
      );
    }
    this.#device.check(call);
  }

  /**
   * Brings x [1,H,W,3] into a network's input. Here, so that whoever has no such image does not load it.
   *
   * @internal
   */
  readonly fitted = fittedOnGpu;

  /** Reads the image back: its values as they are on the device. Throws LifetimeError after `dispose`. */
  async toFloatImage(): Promise<FloatImage> {
    this.expectOn('toFloatImage', this.#device.device);
    const { width, height, tensor } = this;
    const data = await this.#device.read({ buffer: this.#buffer }, tensor, 'toFloatImage');
    return { width, height, channels: 3, data: data as Float32Array };
  }

  /** Frees its memory on the device. Results that were computed of it stay. */
  dispose(): void {
    this.#disposed = true;
    this.#buffer.destroy();
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
