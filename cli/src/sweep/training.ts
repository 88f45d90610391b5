/** One training of a sweep: `fovea train` itself, in a process of its own, in a folder of its own. */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataError } from 'fovea';
import { type Config, configText } from '../config.ts';
import { makeFolder, readInput, writeFileAtomic } from '../files.ts';
import { checkpointPath } from '../training.ts';
import type { Outcome } from './state.ts';

/** The command line, as it lies beside the bundle. */
const FOVEA = fileURLToPath(new URL('../bin/fovea.mjs', import.meta.url));
/** The last words of a training that are kept. */
const LAST_WORDS = 2000;

export interface TrainingRun {
  readonly folder: string;
  /** Options as a file of `--config` has them. */
  readonly options: Config;
  /** The step after which it stops. */
  readonly until: number;
  /** The metric that is wanted of it. Default: that of its task. */
  readonly metric: string | undefined;
  readonly adapter: string | undefined;
  /** Where paths of options begin that are not absolute. Default: where this process does. */
  readonly cwd?: string;
  /** Asks it to stop: it saves a checkpoint, and has failed. */
  readonly signal: AbortSignal;
}

/** The name of its model. */
export const MODEL = 'model.safetensors';
export const CHECKPOINT = checkpointPath(MODEL);
/** What was printed. */
export const LOG = 'train.log';

/** The values of a metric in the logs of a training. */
async function metricIn(folder: string, metric: string | undefined): Promise<Outcome> {
  const file = path.join(folder, 'log', 'history.json');
  if (!existsSync(file)) return { epochs: [] };
  const history = JSON.parse((await readInput(file)).toString()) as Record<string, (number | null)[]>;
  const names = metric === undefined ? ['val_ap', 'val_iou', 'val_accuracy'] : [`val_${metric}`];
  const name = names.find((one) => one in history);
  if (name !== undefined) return { metric: name, epochs: history[name]! };
  const known = Object.keys(history).filter((one) => one.startsWith('val_'));
  if (known.length === 0) return { epochs: [] };
  throw new DataError(
    `sweep: metric = "${metric}": trainings have ${known.map((one) => one.slice('val_'.length)).join(', ')}`,
  );
}

/** What a training says that waits for nobody. */
const TAKEN = /: another training \(process /;
/** How long another process may take that was left behind by a sweep that was killed, in seconds. */
const PATIENCE = 60;
/** How often a training goes on whose process was ended by something else, as by a system without memory. */
const CRASHES = 2;

/** Trains until a step, from where it was: what it had done before stays. */
export async function trainUntil(run: TrainingRun): Promise<Outcome | { readonly failed: string }> {
  let crashes = 0;
  for (let seconds = 0; ; seconds++) {
    const failure = await trainOnce(run);
    if (!failure) return metricIn(run.folder, run.metric);
    const { failed, crashed } = failure;
    if (run.signal.aborted) return { failed };
    if (crashed && ++crashes < CRASHES) continue;
    if (!TAKEN.test(failed) || seconds >= PATIENCE) return { failed };
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Why a training failed. */
interface Failure {
  readonly failed: string;
  /** By a signal that was not sent from here. */
  readonly crashed?: boolean;
}

/** Undefined where it did not fail. */
async function trainOnce({
  folder,
  options,
  until,
  adapter,
  cwd,
  signal,
}: TrainingRun): Promise<Failure | undefined> {
  if (signal.aborted) return { failed: 'stopped' };
  await makeFolder(folder);
  // Also where it runs somewhere else.
  const at = (name: string) => path.resolve(folder, name);
  await writeFileAtomic(at('config.toml'), configText(options, 'toml'));
  const words = ['train', '--config', at('config.toml'), '--out', at(MODEL), '--log', at('log')];
  const more = [
    ...(existsSync(at(CHECKPOINT)) ? ['--resume'] : []),
    ...['--until', String(until)],
    ...(adapter === undefined ? [] : ['--adapter', adapter]),
  ];
  const child = spawn(process.execPath, [FOVEA, ...words, ...more], {
    // By the channel it hears of it where this process is killed.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A terminal's Ctrl-C is for this process: a second signal would end the training without a checkpoint.
    detached: process.platform !== 'win32',
    cwd,
  });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  const log = createWriteStream(at(LOG), { flags: 'a' });
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk);
      said = (said + chunk.toString()).slice(-LAST_WORDS);
    });
  }
  try {
    const ended = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, by) => resolve(code ?? by));
      log.on('error', reject);
    });
    if (ended === 0) return undefined;
    const [last = ''] = said.trim().split('\n').slice(-1);
    if (last.startsWith('fovea: ')) return { failed: last.slice('fovea: '.length) };
    const how = typeof ended === 'number' ? `code ${ended}` : ended;
    const failed = `its process ended by ${how}${last === '' ? '' : `, after "${last}"`}`;
    return { failed, crashed: typeof ended !== 'number' };
  } finally {
    signal.removeEventListener('abort', stop);
    await new Promise((resolve) => log.end(resolve));
  }
}
