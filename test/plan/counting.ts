import type { Gpu } from '../../src/plan/gpu.ts';

/**
 * How often each method of the device, its queue, its command encoders and passes is called while something happens, and
 * `mapAsync` of any buffer.
 */
export async function callsDuring(gpu: Gpu, doing: () => Promise<unknown>): Promise<Record<string, number>> {
  const { device } = gpu.device;
  const calls: Record<string, number> = {};
  const count = (name: string) => {
    calls[name] = (calls[name] ?? 0) + 1;
  };
  const counted = <T extends object>(object: T): T =>
    new Proxy(object, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (name === 'queue') return counted(member as GPUQueue);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => {
          count(String(name));
          const result = Reflect.apply(member, target, given);
          return name === 'beginComputePass' || name === 'createCommandEncoder' ? counted(result) : result;
        };
      },
    });
  const buffer = device.createBuffer({ size: 16, usage: 1 });
  const buffers = Object.getPrototypeOf(buffer) as GPUBuffer;
  buffer.destroy();
  const { mapAsync } = buffers;
  buffers.mapAsync = function (this: GPUBuffer, ...given) {
    count('mapAsync');
    return mapAsync.apply(this, given);
  };
  Object.assign(gpu.device, { device: counted(device) });
  try {
    await doing();
  } finally {
    Object.assign(gpu.device, { device });
    buffers.mapAsync = mapAsync;
  }
  return calls;
}
