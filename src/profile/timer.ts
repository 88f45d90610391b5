import type { Device } from '../device/device.ts';
import { BufferUsage, MAP_READ_MODE } from '../device/usage.ts';

/** Passes that one query set times: WebGPU allows 4096 queries, two for each. */
const PASSES = 2048;

/** Encodes something into a pass of its own. */
export type Encode = (pass: GPUComputePassEncoder) => void;

/** Times compute passes by the device's timestamps. */
export class PassTimer {
  readonly #device: Device;
  readonly #set: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  /** Whether a device has timestamps. */
  static supports(device: Device): boolean {
    return device.device.features.has('timestamp-query');
  }

  /** Needs a device that `supports` it. */
  constructor(device: Device) {
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = BufferUsage;
    this.#device = device;
    this.#set = device.device.createQuerySet({ type: 'timestamp', count: 2 * PASSES });
    this.#resolved = device.createBuffer('timestamps', 16 * PASSES, QUERY_RESOLVE | COPY_SRC);
    this.#staging = device.createBuffer('timestamps to read', 16 * PASSES, MAP_READ | COPY_DST);
  }

  /** Runs each of these in a pass of its own, in order. Returns the seconds that each took. */
  async time(passes: readonly Encode[]): Promise<number[]> {
    const seconds: number[] = [];
    for (let first = 0; first < passes.length; first += PASSES) {
      seconds.push(...(await this.#some(passes.slice(first, first + PASSES))));
    }
    return seconds;
  }

  async #some(passes: readonly Encode[]): Promise<number[]> {
    const encoder = this.#device.device.createCommandEncoder({ label: 'fovea profile' });
    passes.forEach((encode, i) => {
      const pass = encoder.beginComputePass({
        timestampWrites: {
          querySet: this.#set,
          beginningOfPassWriteIndex: 2 * i,
          endOfPassWriteIndex: 2 * i + 1,
        },
      });
      encode(pass);
      pass.end();
    });
    const bytes = 16 * passes.length;
    encoder.resolveQuerySet(this.#set, 0, 2 * passes.length, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, bytes);
    this.#device.submit(encoder);
    await this.#staging.mapAsync(MAP_READ_MODE, 0, bytes);
    const times = new BigInt64Array(this.#staging.getMappedRange(0, bytes).slice(0));
    this.#staging.unmap();
    return passes.map((_, i) => Number(times[2 * i + 1]! - times[2 * i]!) / 1e9);
  }

  dispose(): void {
    this.#set.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }
}
