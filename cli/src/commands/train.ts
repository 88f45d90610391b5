import {
  architectureOf,
  DataError,
  DEFAULT_MAX_SIDE,
  DEFAULT_MODEL,
  defaultSettings,
  type ModelName,
  type Task,
  type TrainSettings,
  UsageError,
} from 'fovea';
import { trainingShapes } from 'fovea/data';
import { readFileBytes } from 'fovea/io';
import type { AnchorLayout } from 'fovea/vision';
import { checkOutputFile } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { type DataOptions, loadFolder } from '../samples.ts';
import { checkpointPath, runTraining, savedSettings } from '../training.ts';

export interface TrainOptions extends DataOptions {
  readonly task?: Task;
  readonly model?: ModelName;
  readonly data: string;
  readonly out: string;
  readonly epochs?: number;
  /** Optimizer steps in all, instead of epochs. */
  readonly steps?: number;
  readonly size?: number;
  readonly crop?: number;
  readonly batch?: number;
  readonly width?: number;
  /** What `fovea anchors --json` wrote. */
  readonly anchors?: string;
  readonly lr?: number;
  readonly seed?: number;
  readonly resume?: boolean;
  readonly checkpointEvery?: number;
  readonly adapter?: string;
}

function parsed(text: string, file: string): { readonly fitted?: Partial<Record<string, unknown>> } | null {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${file}: is not a JSON file (${(cause as Error).message}); ${FROM_ANCHORS}`, {
      cause,
    });
  }
}

/** The anchors in a file that `fovea anchors --json` wrote. Throws DataError for any other. */
async function readAnchors(file: string): Promise<AnchorLayout> {
  const text = new TextDecoder().decode(await readFileBytes(file));
  const json = parsed(text, file);
  const fitted = typeof json === 'object' ? json?.fitted : undefined;
  const numbers = (value: unknown): value is number[] =>
    Array.isArray(value) && value.length > 0 && value.every((side) => Number.isFinite(side) && side > 0);
  const lists = (value: unknown): value is number[][] =>
    Array.isArray(value) && value.length > 0 && value.every(numbers);
  if (fitted?.kind === 'pyramid' && lists(fitted.sizes) && numbers(fitted.aspectRatios)) {
    return { kind: 'pyramid', sizes: fitted.sizes, aspectRatios: fitted.aspectRatios };
  }
  if (
    fitted?.kind === 'list' &&
    lists(fitted.anchors) &&
    fitted.anchors.every((sides) => sides.length === 2)
  ) {
    const anchors = fitted.anchors as unknown as [number, number][];
    return { kind: 'list', count: anchors.length, anchors };
  }
  throw new DataError(`${file}: contains no fitted anchors; ${FROM_ANCHORS}`);
}

const FROM_ANCHORS = 'write it with fovea anchors --json';

/** fovea train: a detector or segmenter from random weights, on a folder of labelled images. */
export async function trainCommand(options: TrainOptions): Promise<void> {
  if (options.epochs !== undefined && options.steps !== undefined) {
    throw new UsageError('train: --epochs and --steps both say how long to train; leave one of them out');
  }
  const given = {
    epochs: options.epochs,
    steps: options.steps,
    maxSide: options.size,
    cropSize: options.crop,
    batchSize: options.batch,
    width: options.width,
    ...(options.anchors === undefined ? {} : { anchors: await readAnchors(options.anchors) }),
    lr: options.lr,
    seed: options.seed,
  };
  const saved = options.resume ? await savedSettings(options.out) : undefined;
  const model = options.model ?? (options.task ? DEFAULT_MODEL[options.task] : saved?.model);
  if (!model) throw new UsageError('train: give --model, or --task detect or --task segment');
  const { task } = architectureOf(model);
  if (options.task && options.task !== task) {
    throw new UsageError(
      `train: --model ${model} is for --task ${task}, not ${options.task}; leave --task out`,
    );
  }
  const samples = await loadFolder(
    options.data,
    options.size ?? saved?.maxSide ?? DEFAULT_MAX_SIDE,
    options,
    // A detector is not taught crowds and what is hard to make out; a segmenter is, as their pixels are no background.
    task === 'detect' ? (a) => ({ ...a, shapes: trainingShapes(a.shapes) }) : undefined,
  );
  const settings: TrainSettings = defaultSettings(
    model,
    samples,
    saved
      ? {
          // What is not given again stays as it was; what is given otherwise is an error further on.
          ...(given.epochs === undefined ? { steps: given.steps ?? saved.steps } : { epochs: given.epochs }),
          maxSide: given.maxSide ?? saved.maxSide,
          cropSize: given.cropSize ?? saved.cropSize,
          batchSize: given.batchSize ?? saved.batchSize,
          ...(given.width === undefined && !given.anchors ? { config: saved.config } : {}),
          ...(given.width === undefined ? {} : { width: given.width }),
          ...(given.anchors === undefined ? {} : { anchors: given.anchors }),
          lr: given.lr ?? saved.lr,
          seed: given.seed ?? saved.seed,
        }
      : given,
  );
  await checkOutputFile(options.out);
  await withGpu(options.adapter, async (gpu) => {
    const count = `${samples.length} image${samples.length === 1 ? '' : 's'}`;
    process.stderr.write(
      `${model}: ${count}, classes ${settings.classNames.join(', ')}; ${settings.steps} steps of ${settings.batchSize} crops of ${settings.cropSize}x${settings.cropSize}\n`,
    );
    const result = await runTraining(gpu, samples, settings, {
      label: model,
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
