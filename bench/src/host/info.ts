import type { Device } from '../../../src/device/device.ts';
import { measureLimits } from '../../../src/profile/limits.ts';

/** Properties of an object that WebGPU's are on the prototype of. */
const propertiesOf = (object: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object)))
      .filter((name) => name !== 'constructor' && !name.startsWith('__'))
      .map((name) => [name, (object as Record<string, unknown>)[name]])
      .filter(([, value]) => typeof value !== 'function'),
  );

/** The adapter as the driver describes it, what kernels are planned for, and what it can do at most. */
export async function describe(device: Device, { info, features, limits }: GPUAdapter): Promise<object> {
  // Dawn lists the sizes that matrix units multiply in the adapter's information, and not in the device's.
  const { subgroupMatrixConfigs, ...described } = propertiesOf(info) as {
    subgroupMatrixConfigs?: Iterable<object>;
  };
  return {
    adapter: device.adapter.name,
    limits: await measureLimits(device),
    info: described,
    matrixConfigs: [...(subgroupMatrixConfigs ?? [])].map(propertiesOf),
    caps: device.caps,
    features: [...features].sort(),
    webgpuLimits: propertiesOf(limits),
  };
}
