import { basename } from 'node:path';
import {
  architectureOf,
  buildModel,
  DEFAULT_MODEL,
  defaultSettings,
  type Gpu,
  type ModelName,
  type TaskName,
  type TaskTuneOptions,
  type TrainedModel,
  type Tuned,
  tuneInference,
  tuneTraining,
  UsageError,
} from 'fovea';
import { colorsOf } from '../colors.ts';
import { withGpu } from '../gpu.ts';
import { readModel, trainedOf, usualSide } from '../modelFiles.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { createProgress } from '../progress.ts';

export interface TuneCommandOptions {
  readonly task?: TaskName;
  readonly model?: ModelName;
  readonly size?: number;
  readonly crop?: number;
  readonly batch?: number;
  readonly width?: number;
  readonly again?: boolean;
  readonly adapter?: string;
}

interface Job {
  readonly label: string;
  run(gpu: Gpu, options: TaskTuneOptions): Promise<Tuned[]>;
}

const DEFAULT_SIZE = 512;
const DEFAULT_CROP = 128;

/**
 * fovea tune: times the strategies for each operation that the models run, and remembers the fastest. Prints what was
 * timed. Throws UsageError where FOVEA_AUTOTUNE=0 has turned it off.
 */
export async function tuneCommand(
  models: readonly string[],
  options: TuneCommandOptions,
  stdout: Output = process.stdout,
): Promise<void> {
  const jobs = models.length > 0 ? await jobsOfFiles(models, options) : jobsOfDefaults(options);
  await withGpu(options.adapter, async (gpu) => {
    const tunedPlace = await gpu.tunedPlace();
    if (tunedPlace === undefined) {
      throw new UsageError('tune: FOVEA_AUTOTUNE=0 turns autotuning off; unset it');
    }
    const all: Tuned[] = [];
    for (const { label, run } of jobs) {
      const progress = createProgress({ total: 0, label });
      const found = await run(gpu, {
        ...(options.again ? { again: true } : {}),
        // In a log, a line for each says nothing.
        progress: (done, total) => {
          if (process.stderr.isTTY) progress.phase(`timing kernels ${done}/${total}`);
        },
      });
      progress.done();
      stdout.write(
        `${printable(label)}: ${found.length === 0 ? 'nothing new to time' : `${found.length} timed`}\n`,
      );
      for (const tuned of found) stdout.write(`  ${lineOf(tuned, stdout)}\n`);
      all.push(...found);
    }
    const better = all.filter(({ strategy, guess }) => strategy !== guess).length;
    stdout.write(
      `${all.length} timed, ${better} faster than the estimated choice; saved in ${printable(tunedPlace)}\n`,
    );
  });
}

async function jobsOfFiles(models: readonly string[], { size }: TuneCommandOptions): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const file of models) {
    const trained = trainedOf(await readModel(file), file);
    jobs.push(inference(basename(file), trained, size ?? usualSide(trained)));
  }
  return jobs;
}

function jobsOfDefaults({ task, model, size = DEFAULT_SIZE, crop, batch, width }: TuneCommandOptions): Job[] {
  const named = task ? [DEFAULT_MODEL[task]] : Object.values(DEFAULT_MODEL);
  return (model ? [model] : named).flatMap((name) => {
    const settings = defaultSettings(name, [], {
      classNames: ['object'],
      cropSize: crop ?? DEFAULT_CROP,
      ...(batch === undefined ? {} : { batchSize: batch }),
      ...(width === undefined ? {} : { width }),
    });
    const { cropSize, batchSize, config } = settings;
    const training: Job = {
      label: `${name}, training, ${batchSize} crops of ${cropSize}x${cropSize}`,
      run: (gpu, how) => tuneTraining(gpu, settings, how),
    };
    const built = buildModel(name, config, 0);
    built.eval();
    return [training, inference(name, { name, model: built }, size)];
  });
}

function inference(label: string, trained: Pick<TrainedModel, 'name' | 'model'>, size: number): Job {
  const multiple = architectureOf(trained.name).sizeMultiple(trained.model.config);
  const side = Math.ceil(size / multiple) * multiple;
  return {
    label: `${label}, images of ${side}x${side}`,
    run: (gpu, how) => tuneInference(gpu, trained, { size: [side, side], ...how }),
  };
}

function lineOf({ key, strategy, guess, ms }: Tuned, stdout: Output): string {
  const color = colorsOf(stdout);
  const times = Object.entries(ms)
    .sort(([, a], [, b]) => a - b)
    .map(([name, time]) => `${name} ${time.toFixed(2)} ms`);
  const news = strategy === guess ? '' : color.green(`${strategy} instead of ${guess}: `);
  return `${news}${times.join(', ')}  ${color.dim(key)}`;
}
