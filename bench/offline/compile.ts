// Compiles the kernels that GPUs get on the null device that the environment names, and prints a JSON line for each pipeline:
// its tag, which the statistics of the driver name it by, and its grid. run.mjs starts it.
import { openSync, writeFileSync, writeSync } from 'node:fs';
import { create, globals } from 'webgpu';
import { capsOf, MATRIX_FEATURE, REGISTERS, REGISTERS_OF_MOST } from '../../src/device/caps.ts';
import { hasMatrixUnits } from '../../src/device/matrixUnits.ts';
import { loadStrategies, strategiesOf } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { shaderOf, workgroupsOf } from '../../src/kernels/dispatch.ts';
import { candidates } from '../../src/kernels/strategy.ts';
import { offlineCases } from './cases.ts';

const [, , target = '', filter = '.', extra = ''] = process.argv;
const { STAT_TAGFILE: tagFile } = process.env;

// The pipeline that is compiled before the first case tells whether there are matrix units.
if (tagFile) writeFileSync(tagFile, 'probe');

Object.assign(globalThis, globals);
const toggles = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia', ...extra.split(',').filter(Boolean)];
const dawn = create([`enable-dawn-features=${toggles.join(',')}`]);
const adapter = await dawn.requestAdapter();
if (!adapter) throw new Error('the driver gives no adapter');
const wanted = (['shader-f16', 'subgroups', MATRIX_FEATURE] as GPUFeatureName[]).filter((feature) =>
  adapter.features.has(feature),
);
const limits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
] as const;
const device = await adapter.requestDevice({
  requiredFeatures: wanted,
  requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
});
// Written at once: the process ends without a last turn.
// Turnip closes descriptor 0, and again later: what takes its place must not be the layer's file.
openSync('/dev/null', 'r');
const print = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
device.addEventListener('uncapturederror', ({ error }) => print({ failed: error.message }));

const caps = {
  ...capsOf(device),
  workgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
  // Mesa's drivers do not name the vendors that browsers name.
  registers:
    REGISTERS[{ m1: 'apple', a650: 'qualcomm', a740: 'qualcomm' }[target] ?? ''] ?? REGISTERS_OF_MOST,
  matrixUnits: await hasMatrixUnits(device, adapter.info),
};
print({ adapter: adapter.info.description || adapter.info.device, caps });
await loadStrategies(Object.values(operations));

const seen = new Map<string, string>();
for (const { name, op, specs, attrs: given = {} } of offlineCases) {
  if (!new RegExp(filter).test(name)) continue;
  const { kernel } = operations[op];
  const attrs = kernel.attributes(given as never) as object;
  const outputs = kernel.infer(specs, attrs as never);
  const purpose = { training: false };
  const all = candidates(strategiesOf(operations[op]), { caps, specs, outputs, attrs, purpose });
  for (const { name: strategy, plan } of all) {
    for (const [i, dispatch] of plan().dispatches.entries()) {
      const shader = shaderOf(dispatch);
      const tag = `${name}/${strategy}/${i}/${shader.name}`;
      const grid = workgroupsOf(dispatch);
      const same = seen.get(shader.code);
      if (same) {
        print({ tag, grid, same });
        continue;
      }
      seen.set(shader.code, tag);
      if (tagFile) writeFileSync(tagFile, tag);
      const start = performance.now();
      const layout = device.createBindGroupLayout({
        entries: shader.bindings.map(({ index, kind }) => ({
          binding: index,
          visibility: 4,
          buffer: { type: kind },
        })),
      });
      device.createComputePipeline({
        label: tag,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: device.createShaderModule({ code: shader.code, label: tag }), entryPoint: 'main' },
      });
      print({ tag, grid, milliseconds: Math.round(performance.now() - start) });
    }
  }
}
print({ done: true });
// The layer writes the last statistics when the process ends.
setTimeout(() => process.exit(0), 50);
