interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/**
 * The smallest shader that uses what gemm_matrix.wgsl does. The extension is an experiment, and its functions have had other
 * forms: an offset by subgroup must count as uniform, and an array of vec4u must do for matrices of halves.
 */
const PROBE = `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
@group(0) @binding(0) var<storage, read_write> y: array<vec4u>;
var<workgroup> tiles: array<vec4u, 64>;
@compute @workgroup_size(128)
fn main(@builtin(subgroup_id) subgroup: u32) {
  let left = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tiles, subgroup, 2u);
  let right = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&tiles, subgroup, 2u);
  let sum = subgroupMatrixMultiplyAccumulate(left, right, subgroup_matrix_result<f32, 16, 16>());
  subgroupMatrixStore<row_major>(&y, subgroup, sum, 4u);
}`;

/** Whether the device compiles the probe: the functions have the form that Fovea writes, and the size is one that it has. */
export async function compilesMatrices(device: GPUDevice): Promise<boolean> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label: 'matrix units?', code: PROBE });
  const pipeline = device.createComputePipelineAsync({
    label: 'matrix units?',
    layout: 'auto',
    compute: { module, entryPoint: 'main' },
  });
  const [made, error] = await Promise.allSettled([pipeline, device.popErrorScope()]);
  return made.status === 'fulfilled' && error.status === 'fulfilled' && error.value === null;
}

/**
 * Whether a device with the feature of matrix units has them for 16x16x16 halves with f32 sums, in subgroups of 32: NVIDIA's. Asked of devices
 * that Fovea opens, as the answer takes a compilation. `adapterInfo` is the adapter's: a device's own does not list the sizes in Dawn
 * for Node.
 */
export async function hasMatrixUnits(device: GPUDevice, adapterInfo: GPUAdapterInfo): Promise<boolean> {
  const { features } = device;
  const wanted = ['subgroups', 'shader-f16'] as const;
  if (!wanted.every((feature) => features.has(feature))) return false;
  const info = adapterInfo as GPUAdapterInfo & { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const configs = [...(info.subgroupMatrixConfigs ?? [])];
  const fits = configs.some(
    ({ componentType, resultComponentType, M, N, K }) =>
      [componentType, resultComponentType, M, N, K].join() === 'f16,f32,16,16,16',
  );
  const lanes = info.subgroupMinSize === 32 && info.subgroupMaxSize === 32;
  return fits && lanes && compilesMatrices(device);
}
