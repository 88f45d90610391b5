// npm run gpu:compile [-- TARGET… --filter REGEX --write]: compiles the kernels that GPUs get with those GPUs' own compilers, without a
// GPU, and prints what became of each. Exits 1 where a rule is broken (rules.mjs) or something is worse than in results/.
// docs/gpu.md explains the method and the numbers.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { wgsl } from '../../scripts/wgsl.mjs';
import { brokenRules, shareOf, worsened } from './rules.mjs';
import { readStatistics } from './statistics.mjs';
import { launch, targets, tools } from './targets.mjs';

/** @typedef {import('./statistics.mjs').Pipeline} Pipeline */
/** @typedef {import('./predicted.ts').PredictedParts} PredictedParts */

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, '..', 'dist', 'offline');
const GATE = ['hopper', 'ada', 'navi31', 'vega10', 'm1', 'a740'];
/** Without a check of bounds a compiler shows what it makes of a kernel; with it, what a browser gets. */
const MODES = { checked: '', unchecked: 'disable_robustness' };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { filter: { type: 'string', default: '.' }, write: { type: 'boolean', default: false } },
});
const unknown = positionals.find((name) => !(name in targets));
if (unknown) {
  console.error(`gpu:compile: no target "${unknown}"; choose ${Object.keys(targets).join(', ')}`);
  process.exit(2);
}
if (!existsSync(path.join(tools, 'ready'))) {
  console.error(
    `gpu:compile: no compilers in ${tools}; see docs/gpu.md, or name their folder by OFFLINE_GPU`,
  );
  process.exit(2);
}

mkdirSync(out, { recursive: true });
const bundle = path.join(out, 'compile.mjs');
await build({
  entryPoints: ['compile', 'predicted'].map((name) => path.join(here, `${name}.ts`)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  plugins: [wgsl],
  logLevel: 'warning',
});

/** @type {typeof import('./predicted.ts')} */
const { predictedOn } = await import(pathToFileURL(path.join(out, 'predicted.mjs')).href);

/**
 * Compiles all cases for a target. A driver that crashes is tried again, as Honeykrisp now and then does, and RADV's null device when
 * the process ends; without harm where all statistics are there.
 *
 * @param {string} target
 * @param {keyof typeof MODES} mode
 */
function compile(target, mode, tries = 3) {
  const folder = path.join(out, mode);
  rmSync(path.join(folder, target), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { command, env, statistics, listings } = launch(target, folder);
  const [program = '', ...args] = command;
  const { stdout, stderr, signal } = spawnSync(
    program,
    [...args, bundle, target, values.filter, MODES[mode]],
    { env, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  const lines = stdout
    .split('\n')
    .filter((line) => /^\{.*\}$/.test(line))
    .map((line) => JSON.parse(line));
  const failed = lines.flatMap((line) => (line.failed ? [String(line.failed).split('\n')[0]] : []));
  const pipelines = readStatistics(targets[target]?.driver ?? '', statistics, listings);
  const told = new Set(pipelines.map(({ tag }) => tag));
  const silent = lines.filter(({ tag, same }) => tag && !same && !told.has(tag));
  if (!lines.at(-1)?.done || silent.length > failed.length) {
    if (tries > 1) return compile(target, mode, tries - 1);
    const where = `${signal ?? 'no statistics'} after ${lines.at(-1)?.tag ?? silent[0]?.tag}`;
    throw new Error(`${target}: ${where}: ${stderr.trim().slice(-1000)}`);
  }
  const { adapter, caps } = lines[0];
  return { adapter: String(adapter), caps, failed, pipelines };
}

/**
 * Microseconds on the GPU that the target is, by published peaks: of the multiplies that share which the compiler leaves of the hottest block.
 *
 * @param {Pipeline} pipeline
 * @param {PredictedParts | undefined} parts
 */
function microseconds(pipeline, parts) {
  // Of a product of matrix units nothing is published that a kernel of WGSL could be compared with.
  if (!parts || pipeline.listing?.matrix) return '';
  const { launch, memory, peak, efficiency } = parts;
  const time = launch + Math.max(memory, peak / (shareOf(pipeline) || efficiency));
  return time.toFixed(time < 100 ? 1 : 0);
}

/**
 * @param {Pipeline} pipeline
 * @param {PredictedParts | undefined} parts
 */
function rowOf(pipeline, parts) {
  const { tag, registers, spills, scratch, waves, instructions, listing } = pipeline;
  const share = listing?.multiplies ? `${Math.round(100 * shareOf(pipeline))} %` : '';
  const loads = listing ? `${listing.wide}/${listing.narrow}` : '';
  const time = microseconds(pipeline, parts);
  const numbers = [registers, spills, scratch, waves, instructions, share, loads, listing?.waits ?? '', time];
  return tag.padEnd(52) + numbers.map((value) => String(value).padStart(9)).join('');
}

/**
 * A line for each pipeline.
 *
 * @param {Record<string, Record<string, object>>} results
 */
function textOf(results) {
  const modes = Object.entries(results).map(([mode, pipelines]) => {
    const lines = Object.entries(pipelines).map(([tag, numbers]) => `  "${tag}": ${JSON.stringify(numbers)}`);
    return ` "${mode}": {\n${lines.join(',\n')}\n }`;
  });
  return `{\n${modes.join(',\n')}\n}\n`;
}

const HEAD = ['registers', 'spills', 'scratch', 'waves', 'instr.', 'multiply', 'loads', 'waits', '\u00b5s'];
let problems = 0;
for (const target of positionals.length > 0 ? positionals : GATE) {
  const file = path.join(here, 'results', `${target}.json`);
  const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  /** @type {Record<string, Record<string, Omit<Pipeline, 'tag'>>>} */
  const results = {};
  for (const mode of /** @type {const} */ (['checked', 'unchecked'])) {
    const { adapter, caps, failed, pipelines } = compile(target, mode);
    console.log(
      `\n${`${target}, bounds ${mode} (${adapter})`.padEnd(52)}${HEAD.map((name) => name.padStart(9)).join('')}`,
    );
    results[mode] = {};
    const predicted = await predictedOn(target, caps);
    for (const pipeline of pipelines) {
      const { tag, ...numbers } = pipeline;
      results[mode][tag] = numbers;
      const before = known[mode]?.[tag];
      const found = [
        ...brokenRules(target, pipeline, mode === 'checked'),
        ...(before && !values.write ? worsened({ tag, ...before }, pipeline) : []),
      ];
      console.log(rowOf(pipeline, predicted?.(tag)) + found.map((problem) => `\n    ${problem}`).join(''));
      problems += found.length;
    }
    for (const message of failed) console.log(`    ${message}`);
    problems += failed.length;
  }
  if (values.write) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, textOf(results));
  }
}
console.log(`\n${problems === 0 ? 'no problems' : `${problems} problems`}`);
process.exit(problems === 0 ? 0 : 1);
