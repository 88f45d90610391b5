import { type AdapterChoice, requestNodeAdapter } from '../../src/device/node.ts';
import { openGpu } from '../../src/plan/gpu.ts';

/** A device with the features that Fovea uses, and no limit above what WebGPU promises everywhere. */
export async function openWithDefaultLimits(): Promise<GPUDevice> {
  using usual = await openGpu();
  const requiredFeatures = [...usual.device.device.features] as GPUFeatureName[];
  const adapter = await requestNodeAdapter((process.env.FOVEA_ADAPTER ?? 'auto') as AdapterChoice);
  return adapter.requestDevice({ requiredFeatures });
}
