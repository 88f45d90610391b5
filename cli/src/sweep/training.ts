/** One training of a sweep: `fovea train` itself, in a process of its own, in a folder of its own. */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataError } from 'fovea';
import { type Config, configText } from '../config.ts';
import { makeFolder, readInput, writeFileAtomic } from '../files.ts';
import { checkpointPath } from '../training.ts';

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
  readonly adapter: string | undefined;
  /** Called with the function that asks it to stop. */
  readonly onStart: (stop: (signal: NodeJS.Signals) => void) => void;
}

export const modelIn = (folder: string): string => path.join(folder, 'model.safetensors');
/** The options of a training, for whoever repeats it by hand. */
export const configIn = (folder: string): string => path.join(folder, 'config.toml');

/** What a training came to: the values of a metric after each epoch, or why it failed. */
export type Trained =
  | { readonly metric?: string; readonly epochs: readonly (number | null)[] }
  | { readonly failed: string };

/** The values of a metric in the logs of a training. */
async function metricIn(folder: string, metric: string | undefined): Promise<Trained> {
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

/** Trains until a step, from where it was: what it had done before stays. */
export async function trainUntil(run: TrainingRun, metric: string | undefined): Promise<Trained> {
  for (let seconds = 0; ; seconds++) {
    const trained = await trainOnce(run, metric);
    if (!('failed' in trained && TAKEN.test(trained.failed)) || seconds === PATIENCE) return trained;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function trainOnce(
  { folder, options, until, adapter, onStart }: TrainingRun,
  metric: string | undefined,
): Promise<Trained> {
  await makeFolder(folder);
  const out = modelIn(folder);
  await writeFileAtomic(configIn(folder), configText(options, 'toml'));
  const resume = existsSync(checkpointPath(out)) ? ['--resume'] : [];
  const words = ['train', '--config', configIn(folder), '--out', out, '--log', path.join(folder, 'log')];
  const more = [
    ...resume,
    '--until',
    String(until),
    ...(adapter === undefined ? [] : ['--adapter', adapter]),
  ];
  const child = spawn(process.execPath, [FOVEA, ...words, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
  onStart((signal) => child.kill(signal));
  const log = createWriteStream(path.join(folder, 'train.log'), { flags: 'a' });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk);
      said = (said + chunk.toString()).slice(-LAST_WORDS);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  await new Promise((resolve) => log.end(resolve));
  if (code === 0) return metricIn(folder, metric);
  const [last = ''] = said.trim().split('\n').slice(-1);
  return { failed: last.replace(/^fovea: /, '') || `ended with ${code}` };
}
