// What runs on a GPU host (run.sh starts it): the adapter, every kernel and gradient checked, the kernels tuned, PyTorch's times
// where it is there, the bench. Each step's output goes to a file of its own and its result into summary.json, at once:
// what a time limit cuts off leaves the steps before it.
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `bash .gpu-host/run.sh [options]
  --out DIR        where results go (default: fovea-gpu)
  --steps NAMES    of info, verify, verify16, cases, tune, torch, bench (default: all, in this order)
  --quick          the bench's quick sizes
  --filter TEXT    rows of the bench whose names hold TEXT
  --peers NAMES    of tfjs, ort, where they are packed (default: none)
  --cases DIR      conformance cases to check
  --op NAME        check one operation only
  --adapter NAME   hardware, lavapipe or swiftshader (default: hardware)`;

const STEPS = ['info', 'verify', 'verify16', 'cases', 'tune', 'torch', 'bench'];
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
/** @param {string[]} names */
const at = (...names) => path.join(root, ...names);

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'fovea-gpu' },
    steps: { type: 'string', default: STEPS.join() },
    quick: { type: 'boolean', default: false },
    filter: { type: 'string', default: '' },
    peers: { type: 'string', default: 'none' },
    cases: { type: 'string' },
    op: { type: 'string' },
    adapter: { type: 'string', default: 'hardware' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const steps = values.steps.split(',');
const stranger = steps.find((step) => !STEPS.includes(step));
if (stranger !== undefined) {
  console.error(`run: no step "${stranger}"; choose of ${STEPS.join(', ')}`);
  process.exit(2);
}

const out = path.resolve(values.out);
mkdirSync(out, { recursive: true });
/** @param {string} name */
const file = (name) => path.join(out, name);
const adapter = ['--adapter', values.adapter];
/** @param {string[]} args */
const fovea = (...args) => [process.execPath, at('cli', 'bin', 'fovea.mjs'), ...args, ...adapter];
const op = values.op ? ['--op', values.op] : [];
const quick = values.quick ? ['--quick'] : [];
const torch = file('torch.json');

/**
 * The command of a step, or in words why there is none.
 *
 * @type {Record<string, () => string[] | string>}
 */
const commands = {
  info: () => fovea('info'),
  verify: () => fovea('verify', ...op, '--json', file('verify.json')),
  verify16: () => fovea('verify', '--dtype', 'f16', ...op, '--json', file('verify16.json')),
  cases: () =>
    values.cases ? fovea('verify', '--cases', path.resolve(values.cases)) : 'no folder of cases was given',
  tune: () => fovea('tune'),
  torch: () => {
    const python = spawnSync('python3', ['-c', 'import torch']).status === 0;
    return python
      ? ['python3', at('bench', 'torch', 'train.py'), '--out', torch, ...quick]
      : 'python3 here has no torch';
  },
  bench: () => [
    process.execPath,
    at('bench', 'dist', 'main.mjs'),
    ...adapter,
    ...['--peers', values.peers, '--filter', values.filter, '--save', '--out', out],
    ...quick,
    ...(existsSync(torch) ? ['--torch', torch] : []),
  ],
};

/**
 * @param {string} step @param {string[]} words
 * @returns {Promise<number | string | null>} the exit code, else the signal or what went wrong
 */
function run(step, [command, ...args]) {
  return new Promise((resolve) => {
    const log = createWriteStream(file(`${step}.log`));
    const env = { ...process.env, FOVEA_CACHE: file('cache') };
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        process.stdout.write(data);
        log.write(data);
      });
    }
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => log.end(() => resolve(code ?? signal)));
  });
}

/** @type {{ date: string, steps: Record<string, object> }} */
const summary = { date: new Date().toISOString(), steps: {} };
let failed = false;
for (const step of steps) {
  const command = commands[step]();
  const start = performance.now();
  console.log(`\n== ${step}${typeof command === 'string' ? `: left out: ${command}` : ''}`);
  const result = typeof command === 'string' ? { leftOut: command } : { exit: await run(step, command) };
  failed ||= result.exit !== undefined && result.exit !== 0;
  summary.steps[step] = { ...result, seconds: Math.round((performance.now() - start) / 100) / 10 };
  writeFileSync(file('summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
}
console.log(`\nresults: ${out}`);
process.exit(failed ? 1 : 0);
