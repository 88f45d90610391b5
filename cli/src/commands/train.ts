import { UsageError } from '../../../src/errors.ts';
import type { Task } from '../../../src/tasks/modelFile.ts';
import { DEFAULT_MAX_SIDE, defaultSettings, type TrainSettings } from '../../../src/tasks/settings.ts';
import { checkOutputFile } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { loadFolder } from '../samples.ts';
import { checkpointPath, runTraining, savedSettings } from '../training.ts';

export interface TrainOptions {
  readonly task?: Task;
  readonly data: string;
  readonly out: string;
  readonly epochs?: number;
  readonly size?: number;
  readonly crop?: number;
  readonly batch?: number;
  readonly width?: number;
  readonly lr?: number;
  readonly seed?: number;
  readonly resume?: boolean;
  readonly checkpointEvery?: number;
  readonly adapter?: string;
}

/** fovea train: a detector or segmenter from random weights, on a folder of pictures with Labelme files. */
export async function trainCommand(options: TrainOptions): Promise<void> {
  const given = {
    epochs: options.epochs,
    maxSide: options.size,
    cropSize: options.crop,
    batchSize: options.batch,
    width: options.width,
    lr: options.lr,
    seed: options.seed,
  };
  const saved = options.resume ? await savedSettings(options.out) : undefined;
  const task = options.task ?? saved?.task;
  if (!task) throw new UsageError('train: give --task detect or --task segment');
  const samples = await loadFolder(options.data, options.size ?? saved?.maxSide ?? DEFAULT_MAX_SIDE);
  const settings: TrainSettings = defaultSettings(
    task,
    samples,
    saved
      ? {
          // What is not given again stays as it was; what is given otherwise is an error further on.
          ...(given.epochs === undefined ? { steps: saved.steps } : { epochs: given.epochs }),
          maxSide: given.maxSide ?? saved.maxSide,
          cropSize: given.cropSize ?? saved.cropSize,
          batchSize: given.batchSize ?? saved.batchSize,
          width: given.width ?? saved.config.width,
          lr: given.lr ?? saved.lr,
          seed: given.seed ?? saved.seed,
        }
      : given,
  );
  await checkOutputFile(options.out);
  await withGpu(options.adapter, async (gpu) => {
    const count = `${samples.length} picture${samples.length === 1 ? '' : 's'}`;
    process.stderr.write(
      `${task}: ${count}, classes ${settings.classNames.join(', ')}; ${settings.steps} steps of ${settings.batchSize} crops of ${settings.cropSize}x${settings.cropSize}\n`,
    );
    const result = await runTraining(gpu, samples, settings, {
      label: task,
      out: options.out,
      ...(options.resume ? { resume: true } : {}),
      ...(options.checkpointEvery === undefined ? {} : { checkpointEvery: options.checkpointEvery }),
    });
    const file = result.finished ? options.out : checkpointPath(options.out);
    process.stderr.write(
      `${result.finished ? 'trained' : 'stopped'}: ${file}, ${result.imagesPerSecond.toFixed(1)} images/s\n`,
    );
  });
}
