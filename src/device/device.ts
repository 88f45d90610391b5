/// <reference lib="esnext.disposable" preserve="true" />
import { AdapterError, DeviceLostError, GpuError, OutOfMemoryError } from '../errors.ts';
import { fromHalf } from '../half.ts';
import { byteLength, type HostArray, type TensorSpec } from '../shape.ts';
import { type Caps, capsOf, isSoftware } from './caps.ts';
import { type AdapterChoice, requestNodeAdapter } from './node.ts';
import { BufferUsage, MAP_READ_MODE } from './usage.ts';

export type { AdapterChoice } from './node.ts';

/** What the adapter says of itself. */
export interface AdapterDescription {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly software: boolean;
}

export interface OpenOptions {
  /** Node only; the browser chooses its adapter itself. Default: `FOVEA_ADAPTER`, else `auto`. */
  readonly adapter?: AdapterChoice;
  /** An adapter that the caller has already. */
  readonly gpuAdapter?: GPUAdapter;
}

const WANTED_FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const;
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
] as const;
const CHOICES: readonly string[] = ['auto', 'hardware', 'lavapipe', 'swiftshader'];

/**
 * A WebGPU device and what Fovea knows of it. `openDevice()` makes one that Fovea owns; `borrowDevice(device)` wraps
 * the caller's, which `dispose()` leaves alone.
 */
export class Device {
  readonly device: GPUDevice;
  readonly caps: Caps;
  readonly adapter: AdapterDescription;
  readonly #owned: boolean;
  #fault: Error | undefined;
  #disposed = false;
  readonly #onError = (event: Event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    const Type = /memory/i.test(error.constructor.name) ? OutOfMemoryError : GpuError;
    this.#fault ??= new Type(`WebGPU reported: ${firstLine(error.message)}`, { cause: error });
  };

  constructor(device: GPUDevice, owned: boolean) {
    this.device = device;
    this.caps = capsOf(device);
    this.adapter = describeAdapter(device);
    this.#owned = owned;
    device.addEventListener('uncapturederror', this.#onError);
    device.lost.then((info) => {
      if (this.#disposed) return;
      const fault = `the GPU device is lost (${info.reason}): ${firstLine(info.message)}; open a new one`;
      this.#fault = new DeviceLostError(fault);
    });
  }

  /** Throws what went wrong on the device since the last call: lost, out of memory, an invalid command. */
  check(): void {
    if (this.#disposed) throw new DeviceLostError('this device was disposed of; open a new one');
    const fault = this.#fault;
    if (!fault) return;
    if (!(fault instanceof DeviceLostError)) this.#fault = undefined;
    throw fault;
  }

  /** Creates a buffer, or throws OutOfMemoryError later, at `check()`, where the device refuses it. */
  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    return this.device.createBuffer({ label, size: Math.max(16, Math.ceil(bytes / 16) * 16), usage });
  }

  /** Throws OutOfMemoryError for an allocation that the device refused. */
  outOfMemory(bytes: number, cause: GPUError): never {
    throw new OutOfMemoryError(
      `the device refused ${bytes} bytes for a program’s intermediate tensors; use a smaller batch or size`,
      { cause },
    );
  }

  /** Copies a buffer's range back, after all that was submitted before. */
  async read(range: { buffer: GPUBuffer; offset?: number }, spec: TensorSpec): Promise<HostArray> {
    this.check();
    const bytes = byteLength(spec);
    if (bytes === 0) return toHost(new ArrayBuffer(0), spec);
    const size = Math.ceil(bytes / 4) * 4;
    const staging = this.createBuffer('readback', size, BufferUsage.MAP_READ | BufferUsage.COPY_DST);
    const encoder = this.device.createCommandEncoder({ label: 'readback' });
    encoder.copyBufferToBuffer(range.buffer, range.offset ?? 0, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(MAP_READ_MODE, 0, size);
    } catch (error) {
      this.check();
      throw new DeviceLostError('the device went away while results were read; open a new one', {
        cause: error,
      });
    }
    const values = toHost(staging.getMappedRange(0, size).slice(0, bytes), spec);
    staging.destroy();
    this.check();
    return values;
  }

  /** Puts values into a buffer, float64 as f32. */
  write(buffer: GPUBuffer, values: HostArray): void {
    const data = values instanceof Float64Array ? Float32Array.from(values) : values;
    // Writes come in whole words; an odd number of halves gets a zero after it.
    const whole = data.byteLength % 4 === 0 ? data : Uint16Array.of(...(data as Uint16Array), 0);
    this.device.queue.writeBuffer(buffer, 0, whole as Float32Array<ArrayBuffer>);
  }

  /** Ends the device if Fovea opened it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.removeEventListener('uncapturederror', this.#onError);
    if (this.#owned) this.device.destroy();
  }

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

function describeAdapter(device: GPUDevice): AdapterDescription {
  const info = device.adapterInfo as GPUAdapterInfo | undefined;
  const { vendor = '', architecture = '', device: model = '', description = '' } = info ?? {};
  const name = /swiftshader/i.test(`${architecture} ${model}`)
    ? `SwiftShader (${description || 'CPU'})`
    : /llvmpipe/i.test(`${model} ${description}`)
      ? `lavapipe (${description || model})`
      : [vendor, architecture, model || description].filter(Boolean).join(' ') || 'unknown adapter';
  return { name, vendor, architecture, software: isSoftware(device) };
}

/** Requests a device with all that the adapter offers and Fovea can use. */
async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  return adapter.requestDevice({ label: 'fovea', requiredFeatures: [...requiredFeatures], requiredLimits });
}

/**
 * Opens a device: in the browser through `navigator.gpu`, in Node through the package `webgpu` (see
 * `requestNodeAdapter` for the order of adapters). Throws AdapterError where there is none.
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  let adapter = options.gpuAdapter ?? null;
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  if (!adapter && inNode) {
    const choice = options.adapter ?? process.env.FOVEA_ADAPTER ?? 'auto';
    if (!CHOICES.includes(choice)) {
      throw new AdapterError(`no adapter "${choice}"; choose ${CHOICES.join(', ')}`);
    }
    adapter = await requestNodeAdapter(choice as AdapterChoice);
  } else if (!adapter) {
    const gpu = globalThis.navigator?.gpu;
    if (!gpu)
      throw new AdapterError('this browser has no WebGPU; use a current Chrome, Edge, Safari or Firefox');
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) throw new AdapterError('the browser offers no WebGPU adapter; check chrome://gpu');
  }
  return new Device(await requestDevice(adapter), true);
}

/** Wraps a device of the caller's. Fovea never destroys it. */
export const borrowDevice = (device: GPUDevice): Device => new Device(device, false);
