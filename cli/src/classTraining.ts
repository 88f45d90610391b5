import { DataError, type TrainSettings, UsageError } from 'fovea';
import {
  type ClassDataset,
  type ClassSample,
  type LabelledFile,
  resizeImage,
  resizeShorterSide,
} from 'fovea/data';
import { openClassData, readClassSamples } from './classSamples.ts';
import type { DataOptions } from './dataOptions.ts';
import { expectChosenPart } from './dataParts.ts';
import { FaultLog } from './faultLog.ts';
import { type HeldOut, heldOutBy, holdOut } from './heldOut.ts';
import type { Held } from './optionValues.ts';

/** What parts to learn from and to judge by are called. */
const [TRAIN, VALID] = [
  ['train', 'training'],
  ['val', 'valid', 'validation'],
];

/** Labelled files that a classifier is trained on and judged by, which are not decoded yet. */
export interface ClassTrainingData {
  readonly split: HeldOut<LabelledFile>;
  readonly classNames: readonly string[];
  /** Decodes the images: those to learn from no larger than the settings say, those to judge by at the size in which the model sees them. */
  load(settings: TrainSettings): Promise<HeldOut<ClassSample>>;
}

/** Options of training that choose images. */
export interface ClassTrainingOptions extends DataOptions {
  readonly data: string;
  readonly val?: Held;
}

/** The part of a data set by one of its usual names. */
const partIn = ({ splits }: ClassDataset, names: readonly string[] | undefined) =>
  splits.find((name) => names!.includes(name.toLowerCase()));

/**
 * Reads the list of a data set with one class per image, and splits it: by its parts train and val, if it has them and `--val` says nothing
 * else, or by classes with equal shares. `before`: the split of the training that is continued.
 *
 * @throws DataError for fewer than two classes.
 */
export async function classTrainingData(
  options: ClassTrainingOptions,
  before: string | undefined,
  seed: number,
): Promise<ClassTrainingData> {
  await FaultLog.check(options);
  const faults = new FaultLog();
  return faults.during(options, async () => {
    const whole = await openClassData(options.data, options, faults);
    const train = options.split === undefined ? partIn(whole, TRAIN) : undefined;
    if (whole.splits.length > 1 && train === undefined) expectChosenPart(whole.path, whole.splits, options);
    const part = (split: string) => openClassData(options.data, { ...options, split }, faults);
    const data = train === undefined ? whole : await part(train);
    const valid = train === undefined ? undefined : partIn(whole, VALID);
    const given = options.val ?? (before === undefined && valid !== undefined ? folder(valid) : undefined);
    const split = await holdOut(
      data.files,
      heldOutBy(given, before, data.files.length),
      seed,
      async (name) =>
        (whole.splits.includes(name)
          ? await part(name)
          : await openClassData(name, { ...options, split: 'all' }, faults, whole.classNames)
        ).files,
      ({ label }) => label,
    );
    const { classNames } = whole;
    if (classNames.length < 2) {
      throw new DataError(
        `${options.data}: has ${classNames.length === 1 ? `only the class ${classNames[0]}` : 'no class'}; give images of at least 2 classes`,
      );
    }
    if (split.train.length === 0) await faults.finishEmpty(options, options.data);
    return { split, classNames, load: (settings) => loadSplit(split, settings, options, faults) };
  });
}

const folder = (name: string): Held => ({ kind: 'folder', folder: name });

async function loadSplit(
  split: HeldOut<LabelledFile>,
  { maxSide, cropSize }: TrainSettings,
  options: ClassTrainingOptions,
  faults: FaultLog,
): Promise<HeldOut<ClassSample>> {
  return faults.during(options, async () => {
    const read = async (
      files: readonly LabelledFile[],
      change: Parameters<typeof readClassSamples>[3],
      side?: number,
    ) => {
      const samples: ClassSample[] = [];
      const decode = { ...options, ...(side === undefined ? {} : { maxSide: side }) };
      for await (const sample of readClassSamples(files, decode, faults, change)) samples.push(sample);
      return samples;
    };
    const train = await read(
      split.train,
      (image) => {
        const scale = maxSide / Math.max(image.width, image.height);
        if (scale >= 1) return image;
        const [height, width] = [image.height, image.width].map((side) =>
          Math.max(1, Math.round(side * scale)),
        ) as [number, number];
        return resizeImage(image, [height, width]);
      },
      maxSide,
    );
    const valid =
      split.valid &&
      (await read(split.valid, (image) => resizeShorterSide(image, Math.round((cropSize * 256) / 224))));
    if (train.length === 0) await faults.finishEmpty(options, options.data);
    if (valid?.length === 0) {
      throw new UsageError(`--val: no image to judge by is left; choose others, or --val 0 for none`);
    }
    await faults.finish(options);
    return {
      train,
      ...(valid ? { valid } : {}),
      ...(split.val === undefined ? {} : { val: split.val }),
    };
  });
}
