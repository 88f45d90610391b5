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

const infoOf = (device: GPUDevice): Partial<GPUAdapterInfo> => device.adapterInfo ?? {};

/** Dawn and browsers name the software rasterizers in the adapter's info. */
export function isSoftware(device: GPUDevice): boolean {
  const { architecture, description, device: model } = infoOf(device);
  return /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${description} ${model}`);
}

/** Debug switch: FOVEA_FAMILY=tile runs the kernels that GPUs get on a software adapter. */
const forcedFamily = (): string | undefined => globalThis.process?.env?.FOVEA_FAMILY;

/** What a device offers to kernels. Pure kernels are planned from this alone. */
export function capsOf(device: GPUDevice): Caps {
  const { features, limits } = device;
  // Told only where the adapter has one size.
  const { subgroupMinSize: lanes = 0, subgroupMaxSize } = infoOf(device);
  const fixed = features.has('subgroups') && lanes > 0 && lanes === subgroupMaxSize;
  const subgroup = fixed && isSoftware(device) && forcedFamily() !== 'tile';
  return {
    family: subgroup ? 'subgroup' : 'tile',
    subgroupSize: subgroup ? lanes : 0,
    f16: features.has('shader-f16'),
    maxBindingSize: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
  };
}
