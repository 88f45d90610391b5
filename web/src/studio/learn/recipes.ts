/** From what the visitor chooses to the settings of a training. */
import {
  architectureIn,
  architectureOf,
  classifierArchitecture,
  DataError,
  DEFAULT_MODEL,
  defaultSettings,
  type ModelName,
  type SettingsOptions,
  type TrainSettings,
} from 'fovea';
import { type AugmentPreset, trainingAnnotation } from 'fovea/data';
import type { LoadedWeights } from 'fovea/io';
import type { ProjectTask } from '../project/model.ts';
import { tooManyPixels } from './numbers.ts';
import type { LabelledPicture } from './samples.ts';

/**
 * `small`: a small model from random weights, quick on any machine. `accurate`: twice as wide, larger pictures, and as many steps as the
 * command line takes. `weights`: what the weights of another model are for.
 */
export type Preset = 'small' | 'accurate' | 'weights';

/** What the visitor chooses; what is left out is chosen by the labels. */
export interface Choice {
  readonly name: string;
  readonly task: ProjectTask;
  readonly preset: Preset;
  /** The model of the project that it starts from, by its id: with the preset `weights`. */
  readonly start?: string | undefined;
  readonly model?: ModelName | undefined;
  readonly steps?: number | undefined;
  readonly maxSide?: number | undefined;
  readonly cropSize?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly lr?: number | undefined;
  readonly augment?: AugmentPreset | undefined;
  readonly seed?: number | undefined;
}

/** Steps of the preset `small`, with one class and with several. */
const QUICK = { one: 300, several: 800 };

/** Channels of the first stage. */
const WIDTHS: Readonly<Partial<Record<ModelName, Readonly<Record<'small' | 'accurate', number>>>>> = {
  retinanet: { small: 16, accurate: 32 },
  unet: { small: 8, accurate: 16 },
};

const PRESETS = {
  small: (model, { several }) => ({
    width: WIDTHS[model]?.small,
    steps: architectureOf(model).task === 'classify' ? undefined : several ? QUICK.several : QUICK.one,
  }),
  accurate: (model) => ({ width: WIDTHS[model]?.accurate, maxSide: 768 }),
  weights: () => ({}),
} as const satisfies Record<
  Preset,
  (
    model: ModelName,
    data: { readonly several: boolean },
  ) => { [K in 'width' | 'steps' | 'maxSide']?: number | undefined }
>;

/** Without what is undefined: the library takes options that are left out, and refuses those that are undefined. */
export const defined = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;

/** The model of a choice: the one that was named, that of the weights, or the usual one of the task. */
function modelOf({ task, model }: Choice, weights: LoadedWeights | undefined): ModelName {
  if (model !== undefined) return model;
  const own =
    weights &&
    (architectureIn(weights) ?? (task === 'classify' ? classifierArchitecture(weights) : undefined));
  return own && architectureOf(own).task === task ? own : DEFAULT_MODEL[task];
}

/** What a model is taught of a picture: crowds and what is hard to make out become regions that a detector ignores. */
export function taught(
  { annotation }: Pick<LabelledPicture, 'annotation'>,
  model: ModelName,
): LabelledPicture['annotation'] {
  const { task, hasMasks } = architectureOf(model);
  const detector = task === 'detect';
  const known = trainingAnnotation(annotation, { detector });
  return detector && !hasMasks ? known : trainingAnnotation(known, { masks: true });
}

/**
 * The settings of a training.
 *
 * @param pictures What it learns from.
 * @param classNames The classes of the project, in their order: those that occur are learned.
 * @param weights What it starts from.
 * @throws DataError where there is nothing to learn or the crops are too many, UsageError and DataError of `defaultSettings`.
 */
export function settingsOf(
  choice: Choice,
  pictures: readonly LabelledPicture[],
  classNames: readonly string[],
  weights?: LoadedWeights,
): TrainSettings {
  const model = modelOf(choice, weights);
  const classifies = architectureOf(model).task === 'classify';
  const samples = pictures.map((labelled) => {
    const { width, height, name } = labelled.picture;
    // Of the pixels, settings need the size alone.
    const image = { width, height, channels: 3 as const, data: new Float32Array() };
    return classifies
      ? { name, image, label: labelled.label! }
      : { name, image, annotation: taught(labelled, model) };
  });
  const labels = new Set(
    pictures.flatMap((labelled) =>
      labelled.label === undefined
        ? taught(labelled, model).shapes.map(({ label }) => label)
        : [labelled.label],
    ),
  );
  const learned = classNames.filter((name) => labels.has(name));
  expectToLearn(choice, pictures.length, learned);
  const preset = PRESETS[choice.preset](model, { several: learned.length > 1 });
  const { steps, maxSide, cropSize, batchSize, lr, augment, seed } = choice;
  const options: SettingsOptions = {
    ...defined(preset),
    ...defined({ steps, maxSide, cropSize, batchSize, lr, augment, seed, weights, classNames: learned }),
  };
  const settings = defaultSettings(model, samples as Parameters<typeof defaultSettings>[1], options);
  expectCrops(settings);
  return settings;
}

/** Throws DataError for crops of a size that the model cannot take. */
function expectCrops({ model, cropSize, batchSize, config }: TrainSettings): void {
  const tooMany = tooManyPixels(batchSize, cropSize);
  if (tooMany !== undefined) throw new DataError(tooMany);
  const multiple = architectureOf(model).sizeMultiple(config);
  if (cropSize > 0 && cropSize % multiple === 0) return;
  throw new DataError(
    `crops of ${cropSize} pixels do not fit a ${model}: choose a multiple of ${multiple}, such as ${Math.max(1, Math.round(cropSize / multiple)) * multiple}`,
  );
}

function expectToLearn({ task }: Choice, pictures: number, classNames: readonly string[]): void {
  if (pictures === 0) throw new DataError('there is no labelled picture to learn from; label some first');
  if (classNames.length === 0) {
    throw new DataError(
      task === 'segment'
        ? 'no picture has an outline or mask to learn; draw some with the polygon or the brush'
        : 'no picture has an object to learn; label some first',
    );
  }
  if (task === 'classify' && classNames.length < 2) {
    throw new DataError(
      `all pictures are of the class ${classNames[0]}; a classifier tells classes apart: label pictures of another one`,
    );
  }
}
