// npm run fuzz:readers [-- --runs 20000 --seed N --reader coco]: mutated files for every reader of annotations, masks and Darknet's
// files. Fails where an error is not typed, an input takes more than 2 s of processor time, or the process grows by more than 500 MB. A failure prints
// the reader and the number of the input: --reader NAME --only NUMBER reads it again.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '0' },
    reader: { type: 'string' },
    only: { type: 'string' },
  },
});
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const outfile = path.join(root, 'node_modules', '.cache', 'fovea-fuzz', 'readers.mjs');
await build({
  stdin: {
    contents: "export * from './test/faults/readers.ts';\nexport { Random } from './src/vision/random.ts';",
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
/** @type {typeof import('../test/faults/readers.ts') & typeof import('../src/vision/random.ts')} */
const { mutate, Random, readFolder, seedFolders } = await import(pathToFileURL(outfile).href);

const LIMIT = { seconds: 2, bytes: 500e6 };
const runs = Number(values.runs);
const base = process.memoryUsage.rss();
let failed = 0;
for (const [reader, seed] of Object.entries(await seedFolders())) {
  if (values.reader !== undefined && values.reader !== reader) continue;
  /** @type {Map<string, number>} */
  const outcomes = new Map();
  let slowest = { seconds: 0, number: 0 };
  let most = 0;
  const [first, end] = values.only === undefined ? [0, runs] : [Number(values.only), Number(values.only) + 1];
  for (let number = first; number < end; number++) {
    const folder = mutate(seed, new Random(`${values.seed} ${reader} ${number}`));
    const start = process.cpuUsage();
    let outcome;
    try {
      outcome = await readFolder(reader, folder, number % 2 === 0);
    } catch (error) {
      failed++;
      outcome = 'UNTYPED';
      console.error(
        `${reader} ${number}: ${error instanceof Error ? (error.stack ?? error.message).slice(0, 600) : error}`,
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
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
  const over = slowest.seconds > LIMIT.seconds || most > LIMIT.bytes;
  if (over) failed++;
  console.log(
    `${reader}: ${end - first} inputs: ${list}; slowest ${slowest.seconds.toFixed(2)} s (${slowest.number}), ${(most / 1e6).toFixed(0)} MB${over ? ' OVER THE LIMIT' : ''}`,
  );
}
console.log(failed === 0 ? 'ok' : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
