/// <reference lib="esnext.disposable" preserve="true" />
import {
  AdapterError,
  DeviceLimitError,
  DeviceLostError,
  FoveaError,
  GpuError,
  OutOfMemoryError,
  UsageError,
} from '../errors.ts';
import { fromHalf } from '../half.ts';
import { byteLength, type HostArray, type TensorSpec } from '../shape.ts';
import {
  type AdapterDescription,
  type Caps,
  capsOf,
  describeAdapter,
  MATRIX_FEATURE,
  REGISTERS,
  REGISTERS_OF_MOST,
} from './caps.ts';
import { type Loss, lossOf } from './loss.ts';
import type { AdapterChoice } from './node.ts';
import { upload } from './upload.ts';
import { BufferUsage, MAP_READ_MODE } from './usage.ts';
import { waiting } from './waiting.ts';

export type { AdapterDescription } from './caps.ts';
export type { AdapterChoice } from './node.ts';

/** Which adapter to open, and with which limits. */
export interface OpenOptions {
  /** Node only; the browser chooses its adapter itself. Default: `FOVEA_ADAPTER`, else `auto`. */
  readonly adapter?: AdapterChoice;
  /** An adapter that was requested already. */
  readonly gpuAdapter?: GPUAdapter;
  /**
   * `adapter`: all that the adapter offers and Fovea can use. `default`: what WebGPU guarantees everywhere and no
   * optional feature, to see what runs on the smallest device. Default: `adapter`.
   */
  readonly limits?: 'adapter' | 'default';
  /**
   * Node only. `false`: the device does not keep indices inside their arrays, which makes some kernels faster on GPUs (docs/gpu.md).
   * An index of yours that is out of range (a label, a row to gather) then reads or overwrites other memory of the device, or loses
   * it: for data that you trust. Default: `true`, unless `FOVEA_BOUNDS_CHECKS=0`.
   */
  readonly boundsChecks?: boolean;
}

const WANTED_FEATURES = ['shader-f16', 'subgroups', 'timestamp-query', MATRIX_FEATURE] as const;
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxTextureDimension2D',
] as const;

/** Programs on their way to the device, at most. */
const MOST_QUEUED = 64;

/**
 * A WebGPU device and what Fovea knows of it. `openDevice()` makes one that Fovea owns; `borrowDevice(device)` wraps
 * yours, which `dispose()` leaves open. Fovea's commands run in error scopes: the handlers of a borrowed device hear only of
 * your errors, and Fovea only of its own.
 */
export class Device {
  readonly device: GPUDevice;
  readonly caps: Caps;
  readonly adapter: AdapterDescription;
  readonly #owned: boolean;
  readonly #loss: Loss;
  #fault: FoveaError | undefined;
  /** Settles when every scope that was closed so far has reported. */
  #reports: Promise<unknown> = Promise.resolve();
  #disposed = false;
  /** Programs that were submitted since anything was last waited for. */
  #queued = 0;
  /** On a device of Fovea's: what was done to it beside Fovea. */
  readonly #onError = (event: Event) => {
    event.preventDefault();
    this.#fault ??= faultOf('device', (event as GPUUncapturedErrorEvent).error);
  };

  constructor(device: GPUDevice, owned: boolean, matrixUnits = false) {
    if (!device?.limits) throw new UsageError('Device: that is no GPUDevice; use borrowGpu(device)');
    this.device = device;
    const workgroupBytes = device.limits.maxComputeWorkgroupStorageSize;
    this.adapter = describeAdapter(device.adapterInfo);
    const registers = REGISTERS[this.adapter.vendor.toLowerCase()] ?? REGISTERS_OF_MOST;
    this.caps = { ...capsOf(device), workgroupBytes, registers, matrixUnits };
    this.#owned = owned;
    this.#loss = lossOf(device);
    if (owned) device.addEventListener('uncapturederror', this.#onError);
  }

  /** Throws what went wrong since the last call: the device lost, an allocation refused, an invalid command. */
  check(doing = 'device'): void {
    if (this.#disposed) throw new DeviceLostError(`${doing}: the Gpu was disposed of; open a new one`);
    const { info } = this.#loss;
    if (info) throw lostError(doing, `${info.reason}: ${firstLine(info.message)}`);
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault) throw fault;
  }

  /** Runs commands. The promise tells what WebGPU finds wrong with them, a refused allocation before all else. */
  attempt<T>(commands: () => T): { result: T; report: Promise<GPUError | undefined> } {
    const { device } = this;
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    const close = async (): Promise<GPUError | undefined> => {
      const found = await Promise.allSettled([device.popErrorScope(), device.popErrorScope()]);
      // A scope that a lost device rejects tells nothing that check() does not know.
      const errors = found.map((scope) => (scope.status === 'fulfilled' ? scope.value : null));
      return errors[0] ?? errors[1] ?? undefined;
    };
    let result: T;
    try {
      result = commands();
    } catch (error) {
      void close();
      throw error;
    }
    return { result, report: close() };
  }

  /** Runs commands, and keeps what WebGPU finds wrong with them for the next `check`, under the name `doing`. */
  watch<T>(doing: string, commands: () => T): T {
    const { result, report } = this.attempt(commands);
    this.keep(doing, report);
    return result;
  }

  /** Keeps what a report tells for the next `check`. */
  keep(doing: string, report: Promise<GPUError | undefined>): void {
    const kept = report.then((error) => {
      if (error) this.#fault ??= faultOf(doing, error);
    });
    // No results, or each would hold the ones before.
    this.#reports = Promise.all([this.#reports, kept]).then(() => undefined);
  }

  /** When everything that WebGPU found wrong so far is known to `check`. */
  async settled(): Promise<void> {
    await this.#reports;
  }

  /** Submits what was encoded. */
  submit(encoder: GPUCommandEncoder): void {
    waiting.begin();
    this.device.queue.submit([encoder.finish()]);
  }

  /** Lets the device catch up where a loop submits and never reads: work, and what waits for it, would pile up. */
  async catchUp(): Promise<void> {
    if (++this.#queued < MOST_QUEUED) return;
    this.#queued = 0;
    // Where the device is lost, check() says so.
    await this.device.queue.onSubmittedWorkDone().catch(() => undefined);
    await this.settled();
  }

  /** A buffer, its size rounded up. One that the device refuses is known by the scope around, or at `check`. */
  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const { maxBufferSize } = this.device.limits;
    if (size > maxBufferSize) {
      throw new DeviceLimitError(
        `${label}: takes a buffer of ${size} bytes, the device makes at most ${maxBufferSize}; use a smaller batch, size or model`,
      );
    }
    return this.device.createBuffer({ label, size, usage });
  }

  /** Copies a buffer's range back, after all that was submitted before. */
  async read(
    range: { buffer: GPUBuffer; offset?: number },
    spec: TensorSpec,
    doing = 'read',
  ): Promise<HostArray> {
    this.check(doing);
    const bytes = byteLength(spec);
    if (bytes === 0) return toHost(new ArrayBuffer(0), spec);
    const size = Math.ceil(bytes / 4) * 4;
    const staging = this.watch(doing, () => {
      const buffer = this.createBuffer('readback', size, BufferUsage.MAP_READ | BufferUsage.COPY_DST);
      const encoder = this.device.createCommandEncoder({ label: 'readback' });
      encoder.copyBufferToBuffer(range.buffer, range.offset ?? 0, buffer, 0, size);
      this.submit(encoder);
      return buffer;
    });
    try {
      await this.watch(doing, () => staging.mapAsync(MAP_READ_MODE, 0, size));
      this.#queued = 0;
      const values = toHost(staging.getMappedRange(0, size).slice(0, bytes), spec);
      await this.settled();
      this.check(doing);
      return values;
    } catch (error) {
      await this.settled();
      this.check(doing);
      if (error instanceof FoveaError) throw error;
      throw lostError(doing, firstLine((error as Error).message), error);
    } finally {
      staging.destroy();
    }
  }

  /** Puts values into a buffer, float64 as f32. */
  write(buffer: GPUBuffer, values: HostArray, offset = 0): void {
    const data = values instanceof Float64Array ? Float32Array.from(values) : values;
    // Writes come in whole words; an odd number of halves gets a zero after it.
    const whole = data.byteLength % 4 === 0 ? data : new Uint16Array(data.length + 1);
    if (whole !== data) whole.set(data);
    upload(this.device, buffer, offset, whole);
  }

  /** Ends the device if Fovea opened it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.removeEventListener('uncapturederror', this.#onError);
    if (this.#owned) this.device.destroy();
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function toHost(bytes: ArrayBuffer, spec: TensorSpec): HostArray {
  if (spec.dtype === 'i32') return new Int32Array(bytes);
  if (spec.dtype === 'u32') return new Uint32Array(bytes);
  return spec.dtype === 'f16' ? fromHalf(new Uint16Array(bytes)) : new Float32Array(bytes);
}

const firstLine = (message: string): string => message.trim().split('\n')[0] ?? '';

const lostError = (doing: string, why: string, cause?: unknown): DeviceLostError =>
  new DeviceLostError(
    `${doing}: the GPU device is lost (${why}); open a new one and load the weights that were saved last`,
    { cause },
  );

/** The typed error for what WebGPU reported. */
function faultOf(doing: string, error: GPUError): FoveaError {
  const refused = /memory/i.test(error.constructor.name);
  const message = `${doing}: WebGPU reported: ${firstLine(error.message)}`;
  return refused
    ? new OutOfMemoryError(`${message}; use a smaller batch or size`, { cause: error })
    : new GpuError(message, { cause: error });
}

async function requestDevice(adapter: GPUAdapter, limits: OpenOptions['limits']): Promise<GPUDevice> {
  if (limits === 'default') return adapter.requestDevice({ label: 'fovea' });
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  return adapter.requestDevice({ label: 'fovea', requiredFeatures: [...requiredFeatures], requiredLimits });
}

/** Whether the device has the matrix units that Fovea can use. The probe loads only where there may be some. */
async function matrixUnitsOf(device: GPUDevice, { info }: GPUAdapter): Promise<boolean> {
  if (!device.features.has(MATRIX_FEATURE)) return false;
  const { hasMatrixUnits } = await import('./matrixUnits.ts');
  return hasMatrixUnits(device, info);
}

async function pageAdapter(gpu: GPU, inDeno: boolean): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter) return adapter;
  throw new AdapterError(
    inDeno
      ? 'Deno finds no WebGPU adapter; install a Vulkan driver'
      : 'the browser offers no WebGPU adapter; check chrome://gpu',
  );
}

/**
 * Opens a device: in browsers and Deno through `navigator.gpu`, in Node through the package `webgpu` (see
 * `requestNodeAdapter` for the order of adapters). Throws AdapterError where there is none.
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  let adapter = options.gpuAdapter ?? null;
  let again: (() => Promise<GPUAdapter>) | undefined;
  // Deno has a process as Node does, and a navigator.gpu of its own.
  const versions = typeof process === 'undefined' ? undefined : process.versions;
  const inDeno = versions?.deno !== undefined;
  if (!adapter && versions?.node !== undefined && !inDeno) {
    // Loaded here, so that no page downloads it.
    const { chosenNodeAdapter } = await import('./node.ts');
    adapter = await chosenNodeAdapter(options);
  } else if (!adapter) {
    const gpu = globalThis.navigator?.gpu;
    if (!gpu) {
      throw new AdapterError(
        inDeno
          ? 'Deno has no WebGPU here; run it with --unstable-webgpu'
          : 'this browser has no WebGPU; use a current Chrome, Edge, Safari or Firefox',
      );
    }
    adapter = await pageAdapter(gpu, inDeno);
    // Where the browser's GPU process began anew meanwhile, its adapters of before are of no use.
    again = () => pageAdapter(gpu, inDeno);
  }
  const device = await requestDevice(adapter, options.limits).catch(async (error) => {
    if (!again) throw error;
    adapter = await again();
    return requestDevice(adapter, options.limits);
  });
  return new Device(device, true, await matrixUnitsOf(device, adapter));
}

/** Wraps a device of the caller's. Fovea never destroys it. */
export const borrowDevice = (device: GPUDevice): Device => new Device(device, false);
