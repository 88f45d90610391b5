import { BufferUsage } from '../device/usage.ts';
import { UsageError } from '../errors.ts';
import { borrowGpu, type DebugOptions, type Gpu } from '../plan/gpu.ts';

/** What new buffers hold, run after run: huge floats, NaN, zeros, small floats; large, negative and small integers. */
const BYTES = [0x7f, 0xff, 0x00, 0x3c];

/** A GPU to verify on. */
export interface Bench {
  readonly gpu: Gpu;
  /** Says which run begins: its buffers hold something else than those of the run before. */
  begin(run: number): void;
}

interface Poisoned {
  readonly device: GPUDevice;
  byte: number;
}

// One for each device: pipelines are kept by device, and this is another object than the device itself.
const known = new WeakMap<GPUDevice, Poisoned>();

/**
 * The same device, but storage buffers that it creates are filled with a byte. WebGPU promises zeros, and memory that
 * is used again holds what was there: who reads what was never written is right on a new device alone.
 */
function poison(device: GPUDevice): Poisoned {
  const made = known.get(device);
  if (made) return made;
  const createBuffer = (descriptor: GPUBufferDescriptor): GPUBuffer => {
    if ((descriptor.usage & BufferUsage.STORAGE) === 0) return device.createBuffer(descriptor);
    const buffer = device.createBuffer({ ...descriptor, usage: descriptor.usage | BufferUsage.COPY_DST });
    device.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(poisoned.byte));
    return buffer;
  };
  const proxy = new Proxy(device, {
    get(_, key) {
      if (key === 'createBuffer') return createBuffer;
      // The device's own functions and getters work on nothing but the device itself.
      const value: unknown = Reflect.get(device, key, device);
      return typeof value === 'function' ? value.bind(device) : value;
    },
  });
  const poisoned: Poisoned = { device: proxy, byte: BYTES[0]! };
  known.set(device, poisoned);
  return poisoned;
}

/** Borrows a device for as long as `fn` takes. What goes wrong on it is told to nobody else. */
export async function onBench<T>(
  borrowed: GPUDevice | Gpu,
  { strategy }: Pick<DebugOptions, 'strategy'>,
  fn: (bench: Bench) => Promise<T>,
): Promise<T> {
  const device = Object(borrowed) === borrowed && !('queue' in borrowed) ? borrowed.device?.device : borrowed;
  if (!(Object(device) === device && 'queue' in device)) {
    throw new UsageError('verify: that is neither a Gpu nor a GPUDevice; pass what openGpu() gives');
  }
  const poisoned = poison(device);
  const gpu = borrowGpu(poisoned.device, {
    validate: false,
    autotune: false,
    ...(strategy === undefined ? {} : { strategy }),
  });
  try {
    return await fn({
      gpu,
      begin(run) {
        poisoned.byte = BYTES[run % BYTES.length]!;
      },
    });
  } finally {
    gpu.dispose();
  }
}
