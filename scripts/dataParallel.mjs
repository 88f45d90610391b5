// What training on several machines at once would cost: gradients over a network, beside steps that `fovea profile` predicts.
//
//   node scripts/dataParallel.mjs resnet50 --size 224x224 --batch 32 --gpu h100
//
// Nothing of Fovea trains this way. docs/scale.md has the results, and where the line lies.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Layer one whose gradients are made in the backward pass, in its order
 * @property {number} seconds of its backward pass
 * @property {number} bytes of the gradients of its weights
 *
 * @typedef {object} Step
 * @property {number} forward seconds before the backward pass
 * @property {readonly Layer[]} backward
 * @property {number} update seconds of the optimizer
 *
 * @typedef {object} Setting
 * @property {number} machines
 * @property {number} link bytes a second that a machine sends, and receives at the same time
 * @property {number} latency seconds of a message
 * @property {number} copy bytes a second between GPU and host: WebGPU has no other way out
 */

/** Gradients travel in buckets of this size, as PyTorch's DistributedDataParallel has it (bucket_cap_mb). */
const BUCKET = 25 * 2 ** 20;
/** The time from the end of a submission until its result can be read: measured on no GPU yet, a guess. */
const MAP = 0.3e-3;

/**
 * The seconds of a step on each of several machines, which wait for each other's gradients: a ring all-reduce (Patarasuk and Yuan 2009) of each
 * bucket begins when its last gradient is there, and goes on while earlier layers are computed. The optimizer waits for all.
 *
 * @param {Step} step
 * @param {Setting} setting
 */
export function stepSeconds({ forward, backward, update }, { machines, link, latency, copy }) {
  let now = forward;
  let free = 0;
  let bucket = 0;
  const send = () => {
    if (bucket === 0 || machines === 1) return;
    const each = bucket / machines;
    const rounds = 2 * (machines - 1);
    const ring = rounds * (latency + each / link);
    // Out of the GPU, around, and back.
    free = Math.max(free, now) + MAP + bucket / copy + ring + bucket / copy;
    bucket = 0;
  };
  for (const { seconds, bytes } of backward) {
    now += seconds;
    bucket += bytes;
    if (bucket >= BUCKET) send();
  }
  send();
  return Math.max(now, free) + update;
}

/**
 * The step that `fovea profile` predicts, with the gradients of each layer in the order in which they are made.
 *
 * @param {string} model
 * @param {readonly string[]} options of `fovea profile`
 * @returns {Promise<{ title: string, adapter: string, step: Step }>}
 */
async function profiled(model, options) {
  const { namedModel } = await import('fovea/open');
  /** @type {Map<string, number>} */
  const bytes = new Map();
  for (const [name, { state }] of namedModel(model).model.namedParameters()) {
    const layer = name.slice(0, name.lastIndexOf('.'));
    const size = 4 * state.spec.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    bytes.set(layer, (bytes.get(layer) ?? 0) + size);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'fovea-parallel-'));
  try {
    const json = path.join(folder, 'profile.json');
    const fovea = fileURLToPath(new URL('../cli/bin/fovea.mjs', import.meta.url));
    const words = [fovea, 'profile', model, '--train', ...options, '--json', json];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const { title, adapters, dispatches } = JSON.parse(readFileSync(json, 'utf8'));
    let [forward, update] = [0, 0];
    /** @type {Map<string, Layer>} */
    const backward = new Map();
    for (const { phase, layer, steady, predicted } of dispatches) {
      if (steady) continue;
      if (phase === 'forward') forward += predicted.seconds;
      else if (phase === 'update') update += predicted.seconds;
      else {
        const seconds = (backward.get(layer)?.seconds ?? 0) + predicted.seconds;
        backward.set(layer, { seconds, bytes: bytes.get(layer) ?? 0 });
      }
    }
    return { title, adapter: adapters[0].title, step: { forward, backward: [...backward.values()], update } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Links by their names, in gigabits a second. */
const LINKS = { '1 GbE': 1, '10 GbE': 10, '25 GbE': 25, '100 GbE': 100 };
const LATENCY = 50e-6;
/** The share of a link that is left beside headers. */
const SHARE = 0.94;
/** PCIe 4.0 x16, as copies reach it. */
const COPY = 20e9;

/**
 * The link in gigabits a second from which on two machines are faster than one.
 *
 * @param {Step} step
 */
export function breakEven(step) {
  const alone = stepSeconds(step, { machines: 1, link: 1, latency: 0, copy: 1 });
  let [low, high] = [1e-3, 1e4];
  while (high / low > 1.001) {
    const middle = Math.sqrt(low * high);
    const link = (middle * 1e9 * SHARE) / 8;
    const seconds = stepSeconds(step, { machines: 2, link, latency: LATENCY, copy: COPY });
    if (2 * alone > seconds) high = middle;
    else low = middle;
  }
  return high;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [model = 'resnet50', ...options] = process.argv.slice(2);
  const { title, adapter, step } = await profiled(model, options);
  const gradients = step.backward.reduce((sum, { bytes }) => sum + bytes, 0);
  const alone = stepSeconds(step, { machines: 1, link: 1, latency: 0, copy: 1 });
  console.log(
    `${title}, ${adapter}: ${(1e3 * alone).toFixed(1)} ms alone; ${(gradients / 1e6).toFixed(0)} MB of gradients a step`,
  );
  const counts = [2, 4, 8, 16];
  console.log(
    `| link | ${counts.map((n) => `${n} machines`).join(' | ')} |\n| --- |${' --- |'.repeat(counts.length)}`,
  );
  for (const [name, gigabits] of Object.entries(LINKS)) {
    const row = counts.map((machines) => {
      const link = (gigabits * 1e9 * SHARE) / 8;
      const seconds = stepSeconds(step, { machines, link, latency: LATENCY, copy: COPY });
      return `${((machines * alone) / seconds).toFixed(1)}x`;
    });
    console.log(`| ${name} | ${row.join(' | ')} |`);
  }
  console.log(`two are faster than one from ${breakEven(step).toFixed(1)} Gbit/s on`);
}
