import { withGpu } from '../gpu.ts';
import { printable } from '../printable.ts';

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
] as const;

/** fovea info: the adapter, its features and limits, and what Fovea makes of them. */
export async function infoCommand({ adapter }: { adapter?: string }): Promise<void> {
  await withGpu(adapter, async (gpu) => {
    const { device, caps, adapter: description } = gpu.device;
    const rows: [string, string][] = [
      ['adapter', description.name],
      ['vendor', description.vendor || '-'],
      ['architecture', description.architecture || '-'],
      ['software', description.software ? 'yes' : 'no'],
      [
        'matrix kernels',
        caps.family === 'subgroup'
          ? `subgroups of ${caps.subgroupSize}`
          : `shared-memory tiles${caps.matrixUnits ? ', matrix units for f16' : ''}`,
      ],
      ['features', [...device.features].sort().join(', ')],
      ...LIMITS.map((name): [string, string] => [name, String(device.limits[name])]),
    ];
    for (const [name, value] of rows) process.stdout.write(`${name.padEnd(36)}${printable(value)}\n`);
  });
}
