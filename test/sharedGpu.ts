import { Device, openDevice } from '../src/device/device.ts';
import { type AdapterChoice, requestNodeAdapter } from '../src/device/node.ts';
import { type DebugOptions, Gpu } from '../src/plan/gpu.ts';

/**
 * What a shared device offers. `adapter`: all that the adapter does, as `openGpu()`. `guaranteed`: the features, but no
 * limit above what WebGPU promises everywhere. `default`: no optional feature either.
 */
type Offer = 'adapter' | 'guaranteed' | 'default';

const open = new Map<Offer, Promise<Device>>();

async function openOne(limits: Offer): Promise<Device> {
  if (limits !== 'guaranteed') return openDevice({ limits });
  const requiredFeatures = [...(await sharedDevice('adapter')).device.features] as GPUFeatureName[];
  const adapter = await requestNodeAdapter((process.env.FOVEA_ADAPTER ?? 'auto') as AdapterChoice);
  return new Device(await adapter.requestDevice({ requiredFeatures }), true);
}

function sharedDevice(limits: Offer): Promise<Device> {
  const device = open.get(limits) ?? openOne(limits);
  open.set(limits, device);
  return device;
}

/**
 * A Gpu on a device that all test files of one process share (vitest.config.ts runs those files without isolation). A
 * software adapter spends most of a test's time on compiling shaders, and a shader is compiled once per device. What a
 * test does to its Gpu, disposing of it included, leaves the device alone. A test that loses a device, counts what is on
 * it, or times it, opens one of its own.
 */
export async function sharedGpu({
  limits = 'adapter',
  ...options
}: DebugOptions & { limits?: Offer } = {}): Promise<Gpu> {
  const { device, caps } = await sharedDevice(limits);
  return new Gpu(new Device(device, false, caps.matrixUnits), { ...options, autotune: false });
}
