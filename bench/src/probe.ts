const MAP_READ = 1;
const USAGE = { MAP_READ: 0x0001, COPY_SRC: 0x0004, COPY_DST: 0x0008, QUERY_RESOLVE: 0x0200 } as const;
/** WebGPU's limit for a query set. A pass takes two queries. */
const QUERIES = 4096;

/**
 * Watches a device from outside, whoever uses it: counts the bytes of its buffers, and puts timestamps around every
 * compute pass. It replaces methods of this one device object; the class stays as it is.
 */
export class Probe {
  readonly device: GPUDevice;
  #bytes = 0;
  #peak = 0;
  #epoch = 0;
  #passes = 0;
  #recording = false;
  readonly #timing: { set: GPUQuerySet; resolved: GPUBuffer; staging: GPUBuffer } | undefined;

  constructor(device: GPUDevice) {
    this.device = device;
    if (device.features.has('timestamp-query')) {
      this.#timing = {
        set: device.createQuerySet({ type: 'timestamp', count: QUERIES }),
        resolved: device.createBuffer({ size: QUERIES * 8, usage: USAGE.QUERY_RESOLVE | USAGE.COPY_SRC }),
        staging: device.createBuffer({ size: QUERIES * 8, usage: USAGE.MAP_READ | USAGE.COPY_DST }),
      };
      this.#timePasses();
    }
    this.#countBuffers();
  }

  /** The most bytes of buffers that were held at once since `resetPeak`. */
  get peakBytes(): number {
    return this.#peak;
  }

  /** What is held already (other programs, pools) does not count from here on. */
  resetPeak(): void {
    this.#bytes = 0;
    this.#peak = 0;
    this.#epoch++;
  }

  /** Times the passes that are begun from here on. */
  start(): void {
    this.#passes = 0;
    this.#recording = true;
  }

  /** The sum of the passes' times since `start`, once all of them have run. */
  async stop(): Promise<number | undefined> {
    this.#recording = false;
    const passes = this.#passes;
    if (!this.#timing || passes === 0 || 2 * passes > QUERIES) return undefined;
    const { set, resolved, staging } = this.#timing;
    const bytes = 16 * passes;
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(set, 0, 2 * passes, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_READ, 0, bytes);
    const times = new BigInt64Array(staging.getMappedRange(0, bytes).slice(0));
    staging.unmap();
    let total = 0n;
    for (let i = 0; i < 2 * passes; i += 2) total += times[i + 1]! - times[i]!;
    return Number(total) / 1e6;
  }

  #timePasses(): void {
    const { device } = this;
    const { set } = this.#timing!;
    const createCommandEncoder = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const encoder = createCommandEncoder(descriptor);
      if (!this.#recording) return encoder;
      const beginComputePass = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = (pass) => {
        const at = 2 * this.#passes++;
        if (at + 2 > QUERIES) return beginComputePass(pass);
        const timestampWrites = {
          querySet: set,
          beginningOfPassWriteIndex: at,
          endOfPassWriteIndex: at + 1,
        };
        return beginComputePass({ ...pass, timestampWrites });
      };
      return encoder;
    };
  }

  #countBuffers(): void {
    const { device } = this;
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = createBuffer(descriptor);
      this.#bytes += descriptor.size;
      this.#peak = Math.max(this.#peak, this.#bytes);
      const destroy = buffer.destroy.bind(buffer);
      const epoch = this.#epoch;
      let held = true;
      buffer.destroy = () => {
        if (held && epoch === this.#epoch) this.#bytes -= descriptor.size;
        held = false;
        return destroy();
      };
      return buffer;
    };
  }
}
