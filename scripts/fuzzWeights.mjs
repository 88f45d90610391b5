// npm run fuzz:weights [-- --runs 100000 --seed N --file checkpoint.pth]: mutated files of PyTorch, safetensors and TensorFlow.js, as many in all,
// and a fifth as many of ONNX (--file onnx: these only, as many as --runs says), which are recorded, too. Fails where an error is not typed, a file takes more than 5 s of processor time, or the process grows by more than 500 MB. A failure prints the
// file and the number of the input: --file NAME --only NUMBER reads it again.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '0' },
    file: { type: 'string' },
    only: { type: 'string' },
  },
});
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const outfile = path.join(root, 'node_modules', '.cache', 'fovea-fuzz', 'weights.mjs');
await build({
  stdin: {
    contents: ['./test/faults/weights.ts', './test/faults/onnx.ts', './src/vision/random.ts']
      .map((file) => `export * from '${file}';`)
      .join('\n'),
    resolveDir: root,
    loader: 'ts',
  },
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  loader: { '.wgsl': 'text' },
  logLevel: 'warning',
});
/** @type {typeof import('../test/faults/weights.ts') & typeof import('../test/faults/onnx.ts') & typeof import('../src/vision/random.ts')} */
const { mutateFile, mutateModel, onnxSeeds, Random, readByDoor, readFile, recordModel, seedFiles } =
  await import(pathToFileURL(outfile).href);

const LIMIT = { seconds: 5, bytes: 500e6 };
const base = process.memoryUsage.rss();
const wanted = Number(values.runs);
const files = Object.entries(seedFiles(path.join(root, 'test/fixtures/torch_files')));
const models = Object.values(onnxSeeds(path.join(root, 'test/fixtures')));
/** By name: how many inputs, the input of a number, and what reads it. */
const seeds = [
  ...files.map(([name, seed]) => ({
    name,
    runs: Math.ceil(wanted / (values.file === undefined ? files.length : 1)),
    make: (/** @type {number} */ _, /** @type {InstanceType<typeof Random>} */ random) =>
      mutateFile(seed, random),
    read: (/** @type {Uint8Array} */ bytes, /** @type {number} */ number) =>
      readFile(bytes, readByDoor(name) || number % 2 === 0),
  })),
  {
    name: 'onnx',
    runs: Math.ceil(wanted / (values.file === undefined ? 5 : 1)),
    make: (/** @type {number} */ number, /** @type {InstanceType<typeof Random>} */ random) =>
      mutateModel(models[number % models.length] ?? new Uint8Array(), random),
    read: recordModel,
  },
].filter(({ name }) => values.file === undefined || values.file === name);
let failed = 0;
for (const { name, runs, make, read } of seeds) {
  /** @type {Map<string, number>} */
  const outcomes = new Map();
  let slowest = { seconds: 0, number: 0 };
  let most = 0;
  const [first, end] = values.only === undefined ? [0, runs] : [Number(values.only), Number(values.only) + 1];
  for (let number = first; number < end; number++) {
    const bytes = make(number, new Random(`${values.seed} ${name} ${number}`));
    const start = process.cpuUsage();
    let outcome;
    try {
      outcome = await read(bytes, number);
    } catch (error) {
      failed++;
      outcome = 'UNTYPED';
      console.error(
        `${name} ${number}: ${error instanceof Error ? (error.stack ?? error.message).slice(0, 600) : error}`,
      );
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const { user, system } = process.cpuUsage(start);
    const seconds = (user + system) / 1e6;
    if (seconds > slowest.seconds) slowest = { seconds, number };
    most = Math.max(most, process.memoryUsage.rss() - base);
  }
  const list = [...outcomes]
    .sort()
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ');
  const over = slowest.seconds > LIMIT.seconds || most > LIMIT.bytes;
  if (over) failed++;
  console.log(
    `${name}: ${end - first} inputs: ${list}; slowest ${slowest.seconds.toFixed(2)} s (${slowest.number}), ${(most / 1e6).toFixed(0)} MB${over ? ' OVER THE LIMIT' : ''}`,
  );
}
console.log(failed === 0 ? 'ok' : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
