import { Device, openDevice } from '../src/device/device.ts';
import { type DebugOptions, Gpu } from '../src/plan/gpu.ts';

const open = new Map<string, Promise<Device>>();

/**
 * A Gpu on a device that all test files of one process share (vitest.config.ts runs those files without isolation). A
 * software adapter spends most of a test's time on compiling shaders, and a shader is compiled once per device. What a
 * test does to its Gpu, disposing of it included, leaves the device alone. A test that loses a device, counts what is on
 * it, or times it, opens one of its own.
 */
export async function sharedGpu({
  limits = 'adapter',
  ...options
}: DebugOptions & { limits?: 'adapter' | 'default' } = {}): Promise<Gpu> {
  let owner = open.get(limits);
  if (!owner) {
    owner = openDevice({ limits });
    open.set(limits, owner);
  }
  const { device, caps } = await owner;
  return new Gpu(new Device(device, false, caps.matrixUnits), { ...options, autotune: false });
}
