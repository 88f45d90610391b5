// npm run kill-resume [-- COUNT [SEED]]: interrupts trainings at random moments, COUNT times (40) in all, by SIGKILL, SIGINT,
// SIGTERM and SIGHUP in turn, and continues each with --resume until it is finished. Its weights must be those of a training
// that was left alone, byte for byte. The adapter is that of FOVEA_ADAPTER.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const root = path.join(import.meta.dirname, '..');
const bin = path.join(root, 'cli/bin/fovea.mjs');
const SIGNALS = /** @type {const} */ (['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP']);
const CODES = { SIGKILL: null, SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** A small training, of a few seconds on a CPU: of 60 steps, judged every 20, with a checkpoint every 3. */
const TRAINING = [
  ...['--model', 'unet', '--data', path.join(root, 'examples/coins'), '--steps', '60', '--size', '128'],
  ...['--crop', '32', '--batch', '2', '--width', '4', '--checkpoint-every', '3'],
  ...['--val', path.join(root, 'examples/coins')],
];

/**
 * The same numbers in 0..1 for the same seed (mulberry32).
 *
 * @param {number} seed
 */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Runs fovea train to its end, or until `signal` ends it after `ms`.
 *
 * @param {readonly string[]} args
 * @param {{ signal: NodeJS.Signals, ms: number }} [interruption]
 */
async function run(args, interruption) {
  const started = performance.now();
  const child = spawn(process.execPath, [bin, 'train', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  /** @type {Promise<number | null>} */
  const closed = new Promise((resolve) => child.on('close', resolve));
  const state = { ended: false };
  void closed.then(() => (state.ended = true));
  let sent = 0;
  if (interruption) {
    await Promise.race([closed, sleep(interruption.ms)]);
    if (!state.ended) {
      sent = performance.now();
      child.kill(interruption.signal);
    }
  }
  const code = await closed;
  const ended = performance.now();
  return {
    code,
    stderr,
    ms: ended - started,
    interrupted: sent > 0,
    lastedAfter: sent > 0 ? ended - sent : 0,
  };
}

/**
 * Interrupts trainings `count` times. Throws where one ends in other weights, or otherwise than a signal should end it.
 *
 * @param {{ count: number, seed?: number, print?: (line: string) => void }} options
 * @returns {Promise<{ interruptions: number, trainings: number, slowest: number }>} slowest: the longest that a training went on
 * after a signal, in milliseconds.
 */
export async function killAndResume({ count, seed = 1, print = () => {} }) {
  const random = randomFrom(seed);
  const folder = mkdtempSync(path.join(tmpdir(), 'fovea-kill-'));
  try {
    const out = (/** @type {string} */ name) => path.join(folder, `${name}.safetensors`);
    const whole = await run([...TRAINING, '--out', out('whole')]);
    if (whole.code !== 0) throw new Error(`the training fails by itself: ${whole.stderr}`);
    const expected = readFileSync(out('whole'));
    const result = { interruptions: 0, trainings: 0, slowest: 0 };
    while (result.interruptions < count) {
      const name = `t${++result.trainings}`;
      for (let attempt = 0; ; attempt++) {
        const has = existsSync(out(`${name}.checkpoint`));
        const args = [...TRAINING, '--out', out(name), ...(has ? ['--resume'] : [])];
        const signal = SIGNALS[result.interruptions % SIGNALS.length];
        // Any moment from the start of the process to where a whole training ends.
        const more = result.interruptions < count && attempt < 12;
        const at = random() * whole.ms;
        const ended = await run(args, more ? { signal, ms: at } : undefined);
        if (ended.interrupted) {
          result.interruptions++;
          result.slowest = Math.max(result.slowest, ended.lastedAfter);
          const slow = ended.lastedAfter > 1000 ? `: ${ended.stderr.trim().split('\n').at(-1)}` : '';
          print(
            `${String(result.interruptions).padStart(3)} ${signal.padEnd(7)} after ${(at / 1000).toFixed(2)} s, ended in ${(ended.lastedAfter / 1000).toFixed(2)} s${slow}`,
          );
        }
        if (ended.code === 0) break;
        // Before the program listens, and where nothing can be saved, a signal ends the process itself: the code is then null.
        if (!ended.interrupted || (ended.code !== null && ended.code !== CODES[signal])) {
          throw new Error(`${name} ended with ${ended.code} after ${signal}: ${ended.stderr}`);
        }
      }
      if (!expected.equals(readFileSync(out(name)))) throw new Error(`${name} has other weights`);
      print(`    training ${result.trainings}: the same ${expected.length} bytes`);
    }
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [count = '40', seed = '1'] = process.argv.slice(2);
  const result = await killAndResume({ count: Number(count), seed: Number(seed), print: console.log });
  console.log(
    `${result.interruptions} interruptions of ${result.trainings} trainings ended in the same bytes; the slowest ended ${(result.slowest / 1000).toFixed(2)} s after its signal`,
  );
}
