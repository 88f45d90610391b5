/// <reference lib="esnext.disposable" preserve="true" />
import type { Device } from '../../device/device.ts';
import { BufferUsage } from '../../device/usage.ts';
import type { Kernel } from '../../kernels/kernel.ts';
import { planKernel } from '../../kernels/kernel.ts';
import { compileKernel } from '../../kernels/planAsync.ts';
import { byteLength, type TensorSpec } from '../../shape.ts';

/** Whole numbers on the device. */
export interface DeviceArray {
  readonly buffer: GPUBuffer;
  readonly spec: TensorSpec;
}

/** Arrays on a device that are freed together, and kernels that run on them. */
export class DeviceArrays {
  readonly #device: Device;
  readonly #buffers: GPUBuffer[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /** An array of zeros. */
  zeros(name: string, shape: readonly number[]): DeviceArray {
    const spec = { shape, dtype: 'u32' } as const;
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST | BufferUsage.COPY_SRC;
    const buffer = this.#device.watch(name, () => this.#device.createBuffer(name, byteLength(spec), usage));
    this.#buffers.push(buffer);
    return { buffer, spec };
  }

  /** An array with these values. */
  upload(name: string, values: Uint32Array, shape: readonly number[]): DeviceArray {
    const array = this.zeros(name, shape);
    this.#device.watch(name, () => this.#device.write(array.buffer, values));
    return array;
  }

  /** Runs a kernel; its outputs are zeros before. */
  async run(
    kernel: object,
    inputs: Readonly<Record<string, DeviceArray>>,
    attributes: object,
  ): Promise<Readonly<Record<string, DeviceArray>>> {
    const known = kernel as Kernel;
    const { device } = this.#device;
    const specs = Object.fromEntries(Object.entries(inputs).map(([name, { spec }]) => [name, spec]));
    this.#device.check(known.name);
    await compileKernel(device, known, specs, attributes);
    const planned = this.#device.watch(known.name, () => planKernel(device, known, specs, attributes));
    const outputs = Object.fromEntries(
      Object.entries(planned.outputs).map(([name, { shape }]) => [name, this.zeros(name, shape)]),
    );
    const arrays = Object.entries({ ...inputs, ...outputs });
    this.#device.watch(known.name, () => {
      const encoder = device.createCommandEncoder({ label: known.name });
      const pass = encoder.beginComputePass();
      planned.encode(pass, Object.fromEntries(arrays.map(([name, { buffer }]) => [name, buffer])));
      pass.end();
      this.#device.submit(encoder);
      planned.dispose();
    });
    return outputs;
  }

  /** The values of an array, after all that was run before. */
  async read({ buffer, spec }: DeviceArray, doing: string): Promise<Uint32Array> {
    return (await this.#device.read({ buffer }, spec, doing)) as Uint32Array;
  }

  /** Frees the arrays. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }
}
