// What runs on a GPU host (run.sh starts it): steps in the order of their worth, each bounded in time, within one budget. Every result
// is written down as it comes, and a summary after each step: what a time limit or a kill cuts off leaves what was before.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runChild } from './child.mjs';
import { appendResults, checksIn, readSummary, resultsFile, writeSummary } from './results.mjs';
import { exitCodeOf, runSteps } from './runSteps.mjs';

/** @typedef {import('./runSteps.mjs').Outcome} Outcome */

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
/** @param {string[]} names */
const at = (...names) => path.join(root, ...names);

/** In the order of their worth. Spare ones get what the others leave over. */
const STEPS = [
  { name: 'info', weight: 2 },
  { name: 'statistics', weight: 2 },
  { name: 'verify', weight: 6 },
  { name: 'products', weight: 4 },
  { name: 'convolutions', weight: 6 },
  { name: 'memory', weight: 3 },
  { name: 'selection', weight: 2 },
  { name: 'torch', weight: 3 },
  { name: 'networks', weight: 5 },
  { name: 'tuned', weight: 4, spare: true },
  { name: 'verify16', weight: 2, spare: true },
  { name: 'cases', weight: 1, spare: true },
  { name: 'bench', weight: 4, spare: true },
];

const USAGE = `bash .gpu-host/run.sh [options]
  --out DIR        where results go (default: fovea-gpu)
  --budget S       seconds for all steps together (default: 600)
  --steps NAMES    of ${STEPS.map(({ name }) => name).join(', ')}
                   (default: all, in this order; with --quick the first nine)
  --quick          small sizes, to try it
  --filter TEXT    rows of the step bench whose names hold TEXT
  --peers NAMES    of tfjs, ort, jax, ortCpu, where they are packed (default: none)
  --cases DIR      conformance cases to check
  --op NAME        check one operation only
  --adapter NAME   hardware, lavapipe or swiftshader (default: hardware)
  --summarize      only write the summary of DIR again, of a run that was killed`;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'fovea-gpu' },
    budget: { type: 'string', default: '600' },
    steps: { type: 'string' },
    quick: { type: 'boolean', default: false },
    filter: { type: 'string', default: '' },
    peers: { type: 'string', default: 'none' },
    cases: { type: 'string' },
    op: { type: 'string' },
    adapter: { type: 'string', default: 'hardware' },
    summarize: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
/** @param {string} problem @returns {never} */
function refuse(problem) {
  console.error(`run: ${problem}`);
  process.exit(2);
}
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const all = STEPS.map(({ name }) => name);
const wanted = values.steps?.split(',') ?? (values.quick ? all.slice(0, 9) : all);
const stranger = wanted.find((name) => !all.includes(name));
if (stranger !== undefined) refuse(`no step "${stranger}"; choose of ${all.join(', ')}`);
const budget = Number(values.budget);
if (!(budget > 0)) refuse(`--budget is "${values.budget}"; give seconds above 0`);

const out = path.resolve(values.out);
mkdirSync(out, { recursive: true });
/** @param {string} name */
const file = (name) => path.join(out, name);
if (values.summarize) {
  if (!existsSync(file('summary.json'))) refuse(`${out} holds no summary.json`);
  writeSummary(out, readSummary(out));
  console.log(file('summary.md'));
  process.exit(0);
}
for (const name of ['results.jsonl', 'log.txt', 'summary.json', 'summary.md'])
  rmSync(file(name), { force: true });

// What the steps leave for each other: few files are to be carried home.
const scratch = mkdtempSync(path.join(os.tmpdir(), 'fovea-gpu-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
/** @param {string} name */
const aside = (name) => path.join(scratch, name);
const adapter = ['--adapter', values.adapter];
/** @param {string[]} args */
const fovea = (...args) => [process.execPath, at('cli', 'bin', 'fovea.mjs'), ...args, ...adapter];
const op = values.op ? ['--op', values.op] : values.quick ? ['--op', 'matmul'] : [];
const quick = values.quick ? ['--quick'] : [];
const torch = aside('torch.json');
const layer = at('bench', 'dist', 'layer', 'libstatlayer.so');

/** A step of bench/src/host/main.ts. It stops by itself a little before it would be stopped. */
const measure = (/** @type {string} */ step) => (/** @type {number} */ seconds) => [
  process.execPath,
  at('bench', 'dist', 'host.mjs'),
  step,
  ...adapter,
  ...[
    '--results',
    resultsFile(out),
    '--seconds',
    String(seconds - Math.min(5, seconds / 4)),
    '--torch',
    torch,
  ],
  ...quick,
];

/**
 * The command of a step, or in words why there is none.
 *
 * @type {Record<string, (seconds: number) => string[] | string>}
 */
const commands = {
  statistics: () =>
    existsSync(layer)
      ? [
          process.execPath,
          at('bench', 'dist', 'offline', 'compile.mjs'),
          'here',
          values.quick ? '^matmul$' : '.',
        ]
      : 'the layer that asks drivers for statistics was not packed',
  verify: () => fovea('verify', ...op, '--json', file('verify.json')),
  verify16: () => fovea('verify', '--dtype', 'f16', ...op, '--json', file('verify16.json')),
  cases: () =>
    values.cases ? fovea('verify', '--cases', path.resolve(values.cases)) : 'no folder of cases was given',
  torch: (seconds) => {
    const { status } = spawnSync('python3', ['-c', 'import torch'], { timeout: 30_000 });
    if (status !== 0) return 'python3 here has no torch';
    return [
      'python3',
      at('bench', 'torch', 'train.py'),
      '--out',
      torch,
      '--limit',
      String(0.8 * seconds),
      ...quick,
    ];
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

/** What drivers say of pipelines, in the environment of the step that compiles them all. */
function layerEnvironment() {
  const manifest = {
    file_format_version: '1.1.2',
    layer: {
      ...{ name: 'VK_LAYER_FOVEA_stat', type: 'GLOBAL', library_path: layer },
      ...{ api_version: '1.4.0', implementation_version: '1', description: 'statistics of pipelines' },
    },
  };
  writeFileSync(aside('layer.json'), JSON.stringify(manifest));
  return {
    VK_LAYER_PATH: scratch,
    VK_INSTANCE_LAYERS: 'VK_LAYER_FOVEA_stat',
    STAT_OUT: aside('statistics.jsonl'),
    STAT_TAGFILE: aside('tag'),
  };
}

/** Steps that are `fovea verify`. */
const CHECKS = ['verify', 'verify16', 'cases'];

/**
 * Results that a step leaves in files of its own, or has printed.
 *
 * @param {string} step @param {string} printed
 */
function collect(step, printed) {
  if (CHECKS.includes(step)) appendResults(out, checksIn(step, printed));
  if (step === 'statistics') {
    const lines = existsSync(aside('statistics.jsonl'))
      ? readFileSync(aside('statistics.jsonl'), 'utf8').split('\n')
      : [];
    const told = lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
    const own = told.filter(({ tag }) => tag !== 'probe').map((line) => ({ step, ...line }));
    appendResults(out, own.length > 0 ? own : [{ step, tag: 'the driver gives none' }]);
  }
  if (step === 'torch' && existsSync(torch)) {
    const { rows } = JSON.parse(readFileSync(torch, 'utf8'));
    for (const [name, peers] of Object.entries(rows)) {
      const times = Object.entries(peers).map(([peer, { medianMs }]) => [`${peer} ms`, medianMs]);
      appendResults(out, [{ step, name, ...Object.fromEntries(times) }]);
    }
  }
}

let stopped = false;
/** @type {(() => void) | undefined} */
let endStep;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    stopped = true;
    endStep?.();
  });
}

const date = new Date().toISOString();
const outcomes = await runSteps({
  steps: STEPS.filter(({ name }) => wanted.includes(name)).map((step) => ({
    ...step,
    command: commands[step.name] ?? measure(step.name),
  })),
  // What is ended takes a while, and is within the budget too.
  budget: budget - Math.min(5, budget / 10),
  now: () => performance.now() / 1000,
  stopped: () => stopped,
  launch: async (name, words, seconds) => {
    console.log(`\n== ${name}, ${seconds.toFixed(0)} s at most`);
    appendFileSync(file('log.txt'), `\n== ${name}: ${words.join(' ')}\n`);
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    let printed = '';
    const ended = await runChild(words, {
      cwd: root,
      env: {
        ...process.env,
        FOVEA_CACHE: aside('cache'),
        ...(name === 'statistics' ? layerEnvironment() : {}),
      },
      expired: new Promise((resolve) => {
        timer = setTimeout(resolve, 1000 * seconds);
      }),
      print: (data) => {
        process.stdout.write(data);
        appendFileSync(file('log.txt'), data);
        printed += Buffer.from(data).toString('latin1');
      },
      started: (end) => {
        endStep = end;
      },
    });
    clearTimeout(timer);
    collect(name, printed);
    // Drivers crash at the end of the process there, when all is written.
    const done = name === 'statistics' && /^\{"done":true\}$/m.test(printed);
    return done ? { ...ended, exit: 0 } : ended;
  },
  tell: (steps) => writeSummary(out, { date, budget, steps }),
});
for (const [name, { status, why, seconds, exit }] of Object.entries(outcomes)) {
  const more = why ?? (exit === undefined || exit === 0 ? '' : `exit ${exit}`);
  console.log(`${name.padEnd(13)}${status.padEnd(9)}${(seconds?.toFixed(1) ?? '').padStart(6)}  ${more}`);
}
console.log(`results: ${file('summary.md')}`);
process.exit(stopped ? 1 : exitCodeOf(outcomes));
