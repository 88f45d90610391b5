/** The feature that has matrix units in WGSL. No browser and no driver promises it. */
export const MATRIX_FEATURE = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;
/** What a kernel may ask of the device that it is planned for. */
export interface Caps {
  /** `subgroup`: software adapters, where loads are dear and shuffles cheap; `tile`: everything else. */
  readonly family: 'subgroup' | 'tile';
  /** Lanes of every subgroup, where the adapter fixes the number; else 0. */
  readonly subgroupSize: number;
  readonly f16: boolean;
  readonly maxBindingSize: number;
  readonly maxStorageBuffers: number;
  /** Shared memory of a workgroup; 16,384 where it is not said, as for kernels by themselves. */
  readonly workgroupBytes?: number;
  /** 32-bit registers that an invocation can have; `REGISTERS_OF_MOST` where it is not said. See docs/gpu.md. */
  readonly registers?: number;
  /** Matrix units that multiply halves and add in f32, as matrixUnits.ts found them. */
  readonly matrixUnits?: boolean;
}

/** Dawn and browsers name the software rasterizers in the adapter's info. Old browsers give none. */
export const isSoftware = ({ architecture, description, device }: Partial<GPUAdapterInfo> = {}): boolean =>
  /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${description} ${device}`);

/** What the adapter says of itself. */
export interface AdapterDescription {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly software: boolean;
}

/** How Fovea names an adapter, from the info of a device or of an adapter. */
export function describeAdapter(info: Partial<GPUAdapterInfo> | undefined): AdapterDescription {
  const { vendor = '', architecture = '', device: model = '', description = '' } = info ?? {};
  const name = /swiftshader/i.test(`${architecture} ${model}`)
    ? `SwiftShader (${description || 'CPU'})`
    : /llvmpipe/i.test(`${model} ${description}`)
      ? `lavapipe (${description || model})`
      : [vendor, architecture, model || description].filter(Boolean).join(' ') || 'unknown adapter';
  return { name, vendor, architecture, software: isSoftware(info) };
}

/** 32-bit registers of an invocation on NVIDIA's and AMD's GPUs; taken for granted where nothing else is known. */
export const REGISTERS_OF_MOST = 255;
/** The same by the vendor that WebGPU names, where there are fewer. */
export const REGISTERS: Readonly<Record<string, number>> = { apple: 128, qualcomm: 192 };

/** What a device offers to kernels. Pure kernels are planned from this alone. */
export function capsOf(device: GPUDevice): Caps {
  const { features, limits, adapterInfo } = device;
  // Told only where the adapter has one size.
  const { subgroupMinSize: lanes = 0, subgroupMaxSize } = (adapterInfo as GPUAdapterInfo | undefined) ?? {};
  const fixed = features.has('subgroups') && lanes && lanes === subgroupMaxSize;
  // Debug switch: FOVEA_FAMILY=tile runs the kernels that GPUs get on a software adapter.
  const subgroup = fixed && isSoftware(adapterInfo) && globalThis.process?.env?.FOVEA_FAMILY !== 'tile';
  return {
    family: subgroup ? 'subgroup' : 'tile',
    subgroupSize: subgroup ? lanes : 0,
    f16: features.has('shader-f16'),
    maxBindingSize: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
  };
}
