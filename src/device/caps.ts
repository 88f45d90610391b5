/** What a kernel may ask of the device that it is planned for. */
export interface Caps {
  /** `subgroup`: software adapters, where loads are dear and shuffles cheap; `tile`: everything else. */
  readonly family: 'subgroup' | 'tile';
  /** Lanes of every subgroup, where the adapter fixes the number; else 0. */
  readonly subgroupSize: number;
  readonly f16: boolean;
  readonly maxBindingSize: number;
  readonly maxStorageBuffers: number;
}

const infoOf = (device: GPUDevice): GPUAdapterInfo | undefined => device.adapterInfo;

/** Dawn and browsers name the software rasterizers in the adapter's info. */
export function isSoftware(device: GPUDevice): boolean {
  const info = infoOf(device);
  if (!info) return false;
  return /swiftshader|llvmpipe|lavapipe/i.test(`${info.architecture} ${info.description} ${info.device}`);
}

/** The subgroup size where the adapter has one only; 0 where it varies or is not told. */
function fixedSubgroupSize(device: GPUDevice): number {
  const { subgroupMinSize: min = 0, subgroupMaxSize: max = 0 } = infoOf(device) ?? {};
  return min === max ? min : 0;
}

/** Debug switch: FOVEA_FAMILY=tile runs the kernels that GPUs get on a software adapter. */
const forcedFamily = (): string | undefined =>
  typeof process === 'undefined' ? undefined : process.env?.FOVEA_FAMILY;

/** What a device offers to kernels. Pure kernels are planned from this alone. */
export function capsOf(device: GPUDevice): Caps {
  const lanes = device.features.has('subgroups') ? fixedSubgroupSize(device) : 0;
  const subgroup = isSoftware(device) && lanes > 0 && forcedFamily() !== 'tile';
  return {
    family: subgroup ? 'subgroup' : 'tile',
    subgroupSize: subgroup ? lanes : 0,
    f16: device.features.has('shader-f16'),
    maxBindingSize: Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize),
    maxStorageBuffers: device.limits.maxStorageBuffersPerShaderStage,
  };
}
