import { existsSync } from 'node:fs';
import path from 'node:path';
import { DataError, type Gpu, metadataOf, type TrainResult, type TrainSettings, train } from 'fovea';
import type { Sample } from 'fovea/data';
import { loadCheckpoint, saveCheckpoint, saveWeights } from 'fovea/io';
import { onInterrupt } from './errors.ts';
import { createProgress } from './progress.ts';

/** Where a training of `model.safetensors` keeps its checkpoint: `model.checkpoint.safetensors`. */
export const checkpointPath = (out: string): string => {
  const { dir, name } = path.parse(out);
  return path.join(dir, `${name}.checkpoint.safetensors`);
};

/** The settings that a checkpoint was trained with. */
export async function savedSettings(out: string): Promise<TrainSettings> {
  const file = checkpointPath(out);
  if (!existsSync(file)) {
    throw new DataError(`${file}: there is no checkpoint to resume from; train without --resume`);
  }
  const { progress } = await loadCheckpoint(file);
  const settings = (progress as { settings?: TrainSettings } | null)?.settings;
  if (!settings?.model || !settings.config || !Number.isInteger((progress as { step?: number }).step))
    throw new DataError(`${file}: is not a checkpoint of "fovea train"; train without --resume`);
  return settings;
}

export interface RunTrainingOptions {
  readonly label: string;
  readonly out: string;
  readonly resume?: boolean;
  readonly checkpointEvery?: number;
}

/** Trains with a progress display, checkpoints and Ctrl-C, and saves the weights when it is finished. */
export async function runTraining(
  gpu: Gpu,
  samples: readonly Sample[],
  settings: TrainSettings,
  { label, out, resume = false, checkpointEvery }: RunTrainingOptions,
): Promise<TrainResult> {
  const file = checkpointPath(out);
  const checkpoint = resume ? { checkpoint: await loadCheckpoint(file), file } : undefined;
  const start = checkpoint ? (checkpoint.checkpoint.progress as { step: number }).step : 0;
  const progress = createProgress({ total: settings.steps, label, start });
  let stop = false;
  const release = onInterrupt(() => {
    stop = true;
    progress.log('stopping after this step; continue with --resume');
  });
  try {
    const result = await train(gpu, samples, settings, {
      onPhase: (name) => progress.phase(name),
      // In a log, a line per pipeline is of no use.
      onCompile: (done, total, doing) => {
        const what = doing === 'tuning' ? 'timing kernels' : 'compiling pipelines';
        if (process.stderr.isTTY) progress.phase(`${what} ${done}/${total}`);
      },
      onStep: ({ step, losses, lr }, imagesPerSecond) =>
        progress.update(step, { losses, lr, imagesPerSecond }),
      onCheckpoint: (state) => saveCheckpoint(file, state),
      ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
      shouldStop: () => stop,
      ...(checkpoint ? { resume: checkpoint } : {}),
    });
    if (result.finished) await saveWeights(out, result.weights, metadataOf(result.trained));
    return result;
  } finally {
    progress.done();
    release();
  }
}
