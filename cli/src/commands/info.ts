import { decodeModel, type TrainedModel, taskOf, UsageError } from 'fovea';
import { readFileBytes } from 'fovea/io';
import { configText } from '../config.ts';
import { withGpu } from '../gpu.ts';
import { printable, printableLines } from '../printable.ts';
import { configOf } from '../runRecord.ts';

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
] as const;

interface InfoOptions {
  readonly adapter?: string;
  readonly json?: boolean;
  readonly toml?: boolean;
}

/** fovea info: the adapter, its features and limits; or what a model is, and how it was trained. */
export async function infoCommand(file: string | undefined, options: InfoOptions): Promise<void> {
  if (file === undefined) {
    const [option] = Object.entries({ json: options.json, toml: options.toml }).find(([, on]) => on) ?? [];
    if (option) throw new UsageError(`info: --${option} is about a model; give its file too`);
    await adapterInfo(options.adapter);
    return;
  }
  if (options.json && options.toml) {
    throw new UsageError('info: --json and --toml are two formats of the same; leave one of them out');
  }
  const trained = decodeModel(await readFileBytes(file), file);
  const { training } = trained;
  if (!training) {
    if (options.json || options.toml) {
      throw new UsageError(`${file}: does not tell how it was trained; use a file of fovea train`);
    }
    write(modelRows(trained, file));
    return;
  }
  const config = configOf(trained, training);
  if (options.json || options.toml) {
    // As it is: this is for a file, and JSON and TOML escape what must be.
    process.stdout.write(configText(config, options.json ? 'json' : 'toml'));
    return;
  }
  const { images, best, step, settings } = training;
  write([
    ...modelRows(trained, file),
    ['trained by', `fovea ${training.fovea} on ${training.adapter}`],
    ['images', `${images.train} to learn from, ${images.valid} to be judged by`],
    ['steps', `${step} of ${settings.steps}`],
    ['weights of', best ? `epoch ${best.epoch + 1}, ${best.name} ${best.value.toFixed(4)}` : 'the last step'],
  ]);
  process.stdout.write(
    `\noptions of fovea train, those that were left out too (--toml or --json: for --config):\n\n${printableLines(configText(config, 'toml'))}`,
  );
}

function modelRows(trained: TrainedModel, file: string): [string, string][] {
  const { name, classNames, preprocessing, model } = trained;
  const parameters = model.parameters().reduce((sum, { state }) => sum + numel(state.spec.shape), 0);
  return [
    ['file', file],
    ['model', `${name}, ${taskOf(trained)}`],
    ['classes', classNames.join(', ')],
    ['parameters', parameters.toLocaleString('en-US')],
    ['preprocessing', JSON.stringify(preprocessing)],
  ];
}

/** The number of values of a shape. */
const numel = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const write = (rows: readonly (readonly [string, string])[]): void => {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(width)}${printable(value)}\n`);
};

async function adapterInfo(adapter: string | undefined): Promise<void> {
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
