import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  DataError,
  decodeModel,
  describeStart,
  type Gpu,
  metadataOf,
  readProgress,
  type TaskSamples,
  type TrainProgress,
  type TrainResult,
  type TrainSettings,
  train,
  UsageError,
} from 'fovea';
import {
  type Checkpoint,
  type LoadedWeights,
  loadCheckpoint,
  readFileBytes,
  saveCheckpoint,
  saveWeights,
} from 'fovea/io';
import { bestWeights, History as Logged, type Logs } from 'fovea/learn';
import { counted } from './counted.ts';
import { endBySignal, onInterrupt } from './errors.ts';
import { History, historyPath } from './history.ts';
import { printable } from './printable.ts';
import { createProgress } from './progress.ts';
import type { TrainingNote } from './runRecord.ts';
import { TrainingLogs } from './trainingLogs.ts';

/** Where a training of `model.safetensors` keeps its checkpoint: `model.checkpoint.safetensors`. */
export const checkpointPath = (out: string): string => {
  const { dir, name } = path.parse(out);
  return path.join(dir, `${name}.checkpoint.safetensors`);
};

/** A training that was interrupted, or has ended. */
export interface SavedTraining {
  readonly checkpoint: Checkpoint;
  readonly progress: TrainProgress;
  readonly file: string;
  /** The folder of its logs. */
  readonly log: string | undefined;
}

/** The training whose checkpoint is next to `out`. Throws DataError where there is none, or it cannot be used. */
export async function savedTraining(out: string): Promise<SavedTraining> {
  const file = checkpointPath(out);
  if (!existsSync(file)) {
    throw new DataError(`${file}: there is no checkpoint to resume from; train without --resume`);
  }
  const checkpoint = await loadCheckpoint(file);
  const progress = readProgress(checkpoint.progress, file);
  return { checkpoint, progress, file, log: progress.log };
}

/** Throws UsageError where `out` has the checkpoint of a training, which a new one would replace. */
export function checkNoTraining(out: string): void {
  const file = checkpointPath(out);
  if (!existsSync(file)) return;
  throw new UsageError(
    `${file}: is the checkpoint of an earlier training; continue it with --resume, replace it with --force, or choose another --out`,
  );
}

/** Writes the weights of the checkpoint next to `out`, the best ones if epochs were compared, and returns the step that it is of. */
export async function exportWeights(out: string): Promise<number> {
  const file = checkpointPath(out);
  const trained = decodeModel(await readFileBytes(file), file);
  const checkpoint = await loadCheckpoint(file);
  await saveWeights(out, bestWeights(checkpoint), metadataOf(trained));
  return readProgress(checkpoint.progress, file).step;
}

/** Epochs that a checkpoint has behind it. */
function epochsOf(saved: SavedTraining | undefined): number {
  const { history } = (saved?.progress.fit ?? {}) as { readonly history?: { readonly epochs?: unknown[] } };
  return history?.epochs?.length ?? 0;
}

/** `epoch 3: loss 0.52, val_loss 0.61, val_ap 0.43 (best)`: without the parts of the losses, so that it fits on a line. */
function describeEpoch(epoch: number, { lr: _, ...logs }: Logs, isBest: boolean): string {
  const isPart = (name: string) => name !== 'val_loss' && name.slice('val_'.length) in logs;
  const values = Object.entries(logs).filter(
    ([name]) => name === 'loss' || (name.startsWith('val_') && !isPart(name)),
  );
  const shown = values.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(', ');
  return `epoch ${epoch}: ${shown}${isBest ? ' (best)' : ''}`;
}

export interface RunTrainingOptions {
  readonly label: string;
  /** The data set, for messages. */
  readonly data: string;
  readonly out: string;
  /** The training to continue; without it, one whose files are there is replaced. */
  readonly saved?: SavedTraining;
  readonly checkpointEvery?: number | undefined;
  /** The step after which it stops. Default: the last. */
  readonly until?: number | undefined;
  /** What is saved with the weights. */
  readonly note?: TrainingNote;
  /** The folder for logs. Default: there are none. */
  readonly log?: string | undefined;
  /** The weights that the settings start from. */
  readonly weights?: LoadedWeights;
  /** Images that the model is evaluated on after each epoch. */
  readonly valid?: TaskSamples;
}

/** What a training came to, and how many steps of it were done in this run. */
export interface RunTrainingResult extends TrainResult {
  readonly stepsHere: number;
  /** The steps and epochs, those before a resumed checkpoint included. */
  readonly logged: Logged;
}

/** After a signal a training ends within a second: this is how long a step may take to be finished and saved. */
const STOP_MS = 500;
/** How long to wait, in milliseconds, while a file is being written. */
const AGAIN_MS = 50;

/** The history of the steps before the checkpoint; says so where some are missing. Throws DataError where it was changed. */
async function openHistory(out: string, saved: SavedTraining | undefined): Promise<History> {
  const file = historyPath(out);
  if (!saved) return History.create(file);
  const { step, settings, history: checksum } = saved.progress;
  const history = await History.resume(file, step, checksum);
  const skipped = settings.skipBatches?.filter((batch) => batch <= step).length ?? 0;
  const missing = step - skipped - history.before.length;
  if (missing > 0)
    process.stderr.write(`${printable(file)}: lacks the losses of ${counted(missing, 'earlier step')}\n`);
  return history;
}

/**
 * Trains with a progress display, a checkpoint now and then, and a history of losses. Saves the weights when it is finished, and
 * when a signal stops it. A step that takes too long for that is given up, and the weights are those of the last checkpoint.
 */
export async function runTraining(
  gpu: Gpu,
  samples: TaskSamples,
  settings: TrainSettings,
  { label, data, out, saved, checkpointEvery, until, weights, valid, note, log }: RunTrainingOptions,
): Promise<RunTrainingResult> {
  const file = checkpointPath(out);
  const history = await openHistory(out, saved);
  const logs = new TrainingLogs(log);
  const progress = createProgress({ total: settings.steps, label, start: saved?.progress.step ?? 0 });
  let phase: 'starting' | 'stepping' | 'stopping' | 'leaving' = 'starting';
  /** Whether a checkpoint or the weights are being written. */
  let saving = false;
  let stepsHere = 0;
  let step = saved?.progress.step ?? 0;
  let epoch = epochsOf(saved);
  let timer: NodeJS.Timeout | undefined;
  /** Ends the process with what the last checkpoint holds. */
  const leave = async (why: string): Promise<void> => {
    if (saving) {
      timer = setTimeout(() => void leave(why), AGAIN_MS);
      return;
    }
    phase = 'leaving';
    progress.done();
    const kept = existsSync(file)
      ? `weights of step ${await exportWeights(out)} of ${settings.steps} in ${printable(out)}; continue with --resume`
      : 'there was no checkpoint yet, nothing is kept';
    process.stderr.write(`stopped ${why}: ${kept}\n`);
    endBySignal();
  };
  const release = onInterrupt(() => {
    if (phase === 'starting') {
      void leave('before the first step');
      return;
    }
    phase = 'stopping';
    progress.log('stopping after this step');
    timer = setTimeout(() => void leave('before the next step was done'), STOP_MS);
  });
  /** Once the process is ending, no other file is begun. */
  const unlessLeaving = () => (phase === 'leaving' ? new Promise<never>(() => {}) : undefined);
  try {
    const result = await train(gpu, samples, settings, {
      onPhase: (name) => {
        // All settings are good: from here on a training that was there is replaced.
        if (!saved) for (const old of [file, historyPath(out)]) rmSync(old, { force: true });
        progress.phase(name);
      },
      // In a log, a line per pipeline is of no use.
      onCompile: (done, total, doing) => {
        const what = doing === 'tuning' ? 'timing kernels' : 'compiling pipelines';
        if (process.stderr.isTTY) progress.phase(`${what} ${done}/${total}`);
      },
      onStep: (record, imagesPerSecond) => {
        if (phase === 'starting') phase = 'stepping';
        stepsHere++;
        step = record.step;
        history.add(record);
        progress.update(record.step, { losses: record.losses, lr: record.lr, imagesPerSecond });
      },
      onEpoch: (logs, isBest) => {
        if (valid) progress.log(describeEpoch(++epoch, logs, isBest));
      },
      ...(valid ? { valid } : {}),
      ...(note ? { note } : {}),
      callbacks: [logs],
      onCheckpoint: async (state) => {
        await unlessLeaving();
        saving = true;
        const kept = { history: await history.flush(), ...(log === undefined ? {} : { log }) };
        const progress = { ...Object(state.progress), ...kept };
        await saveCheckpoint(file, { ...state, progress });
        saving = false;
      },
      ...(weights
        ? {
            weights,
            onWeights: (report) => progress.log(`--weights ${printable(describeStart(report))}`),
          }
        : {}),
      ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
      // It is asked before a step, which is then the last.
      shouldStop: () => phase === 'stopping' || (until !== undefined && step >= until - 1),
      ...(saved ? { resume: { checkpoint: saved.checkpoint, file, history: history.before, data } } : {}),
    });
    await unlessLeaving();
    saving = true;
    await saveWeights(out, result.weights, metadataOf(result.trained));
    return { ...result, stepsHere, logged: logs.history ?? new Logged() };
  } finally {
    clearTimeout(timer);
    progress.done();
    release();
  }
}
