import type { EpochRecord, Picture, SavedModel, Training } from '../project/model.ts';
import type { Check, Fields } from './check.ts';
import { digestOf } from './digest.ts';
import { doing, StoreError } from './errors.ts';
import type { ZipEntry, ZipFile } from './zip.ts';

/**
 * Models and finished trainings in project.json. They name pictures, models and each other by their places in its lists, as ids
 * are made anew where it is opened.
 */
export interface FileModel {
  readonly fields: Omit<SavedModel, 'id' | 'project' | 'training'>;
  /** The place of the training that made it. */
  readonly training?: number;
  /** Reads its file. Throws a StoreError ('corrupt') where it is not the file that was saved. */
  file(): Promise<Blob>;
}

export interface FileTraining {
  /** Of `settings`, what the studio shows is as it should be; the rest is any JSON of moderate size: whoever uses it, has to check it. */
  readonly fields: Omit<Training, 'id' | 'project' | 'train' | 'valid' | 'start' | 'model' | 'reason'>;
  /** Places of pictures. */
  readonly train: readonly number[];
  readonly valid: readonly number[];
  /** Places of models. */
  readonly start?: number;
  readonly model?: number;
}

/** What of a project's models goes into its file. */
export interface ModelSource {
  readonly models: readonly SavedModel[];
  /** Those that are not finished are left out, as are checkpoints. */
  readonly trainings: readonly Training[];
  fileOf(model: SavedModel): Promise<Blob>;
}

const ENTRIES = 10_000;
const STEPS = 50_000_000;
const EPOCHS = 1_000_000;
const LOGS = 1000;
const CLASSES = 100_000;
const LATEST = 8.64e15;
const BYTES = 2 ** 32 - 1;
const LARGEST = Number.MAX_VALUE;
/** Values, and lists in lists, of settings. */
const VALUES = 100_000;
const DEPTH = 20;

/** Numbers that JSON does not have are null there: losses of a training that came to nothing. */
const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
const nullToNaN = (check: Check, value: unknown, where: string): number =>
  value === null ? Number.NaN : check.number(value, where, -LARGEST, LARGEST);

/** The place of an id; undefined for one that is not there. */
const placesOf = (
  rows: readonly { readonly id: string }[],
): ((id: string | undefined) => number | undefined) => {
  const places = new Map(rows.map(({ id }, i) => [id, i]));
  return (id) => (id === undefined ? undefined : places.get(id));
};

export const finished = ({ trainings }: Pick<ModelSource, 'trainings'>): Training[] =>
  trainings.filter(({ state }) => state === 'finished');

/** The texts of project.json for models and trainings, which `paths` are in the zip. */
export async function* modelsJson(
  source: ModelSource,
  pictures: readonly Picture[],
  paths: readonly string[],
): AsyncGenerator<string, void> {
  const trainings = finished(source);
  const [pictureAt, modelAt, trainingAt] = [placesOf(pictures), placesOf(source.models), placesOf(trainings)];
  yield ',\n"models":[';
  for (const [i, model] of source.models.entries()) {
    const { file: fileName, name, created, task, size, classNames, training, arch, metric } = model;
    const json = {
      ...{ file: paths[i], fileName, name, created, task, size, classNames, arch },
      ...(metric && Number.isFinite(metric.value) ? { metric } : {}),
      ...{ digest: await digestOf(await source.fileOf(model)), training: trainingAt(training) },
    };
    yield `${i === 0 ? '' : ','}\n${JSON.stringify(json)}`;
  }
  yield '\n],\n"trainings":[';
  for (const [i, training] of trainings.entries()) {
    const { name, created, task, settings, step, spent } = training;
    const places = (ids: readonly string[]) => ids.map(pictureAt).filter((at) => at !== undefined);
    const json = {
      ...{ name, created, task, settings, step, spent },
      ...{ train: places(training.train), valid: places(training.valid) },
      ...{ start: modelAt(training.start), model: modelAt(training.model) },
      losses: training.losses.map(orNull),
      epochs: training.epochs.map(({ step: last, logs, best }) => ({
        ...{ step: last, best },
        logs: Object.fromEntries(Object.entries(logs).map(([key, value]) => [key, orNull(value)])),
      })),
    };
    yield `${i === 0 ? '' : ','}\n${JSON.stringify(json)}`;
  }
  yield '\n]';
}

/** What a project file has of models: none where a studio wrote it that kept none. */
export function readModels(
  zip: ZipFile,
  project: Fields,
  pictures: number,
  use: (entry: string, where: string) => ZipEntry,
): { readonly models: readonly FileModel[]; readonly trainings: readonly FileTraining[] } {
  const { check } = project;
  const list = (name: string) => (project.has(name) ? project.list(name, ENTRIES) : []);
  const [models, trainings] = [list('models'), list('trainings')];
  return {
    models: models.map((value, i) =>
      readModel(zip, check.record(value, `${project.at('models')}[${i}]`), trainings.length, use),
    ),
    trainings: trainings.map((value, i) =>
      readTraining(check.record(value, `${project.at('trainings')}[${i}]`), pictures, models.length),
    ),
  };
}

/** The place in a list of so many; undefined where none is given. */
const placeIn = (of: Fields, name: string, count: number): number | undefined =>
  of.has(name) ? of.integer(name, 0, count - 1) : undefined;

function readModel(
  zip: ZipFile,
  of: Fields,
  trainings: number,
  use: (entry: string, where: string) => ZipEntry,
): FileModel {
  const { check } = of;
  const name = of.text('file', 65_535, 1);
  const entry = use(name, of.where);
  const size = of.integer('size', 0, BYTES);
  if (entry.size !== size) check.refuse(of.at('size'), size, `${entry.size}, as in the zip`);
  const digest = of.matching('digest', /^[0-9a-f]{64}$/, 'SHA-256 as 64 digits of hex');
  const metric = of.has('metric') ? check.record(of.get('metric'), of.at('metric')) : undefined;
  const training = placeIn(of, 'training', trainings);
  return {
    fields: {
      name: of.text('name', 1000),
      created: of.integer('created', 0, LATEST),
      task: of.oneOf('task', ['detect', 'segment', 'classify']),
      file: of.text('fileName', 1000, 1),
      size,
      classNames: of
        .list('classNames', CLASSES)
        .map((value, i) => check.text(value, `${of.at('classNames')}[${i}]`, 1000)),
      ...(of.has('arch') ? { arch: of.text('arch', 100, 1) } : {}),
      ...(metric
        ? { metric: { name: metric.text('name', 100), value: metric.number('value', -LARGEST, LARGEST) } }
        : {}),
    },
    ...(training === undefined ? {} : { training }),
    file: () =>
      doing(check.did, async () => {
        const content = await zip.read(entry, size);
        if ((await digestOf(content)) === digest) return content;
        const why = `${JSON.stringify(name.slice(0, 200))} in the zip is not the model that was saved; copy or export the zip again`;
        throw new StoreError('corrupt', check.did, why);
      }),
  };
}

function readTraining(of: Fields, pictures: number, models: number): FileTraining {
  const { check } = of;
  const places = (name: string) =>
    of.list(name, pictures).map((value, i) => check.integer(value, `${of.at(name)}[${i}]`, 0, pictures - 1));
  const [start, model] = [placeIn(of, 'start', models), placeIn(of, 'model', models)];
  return {
    fields: {
      name: of.text('name', 1000),
      created: of.integer('created', 0, LATEST),
      task: of.oneOf('task', ['detect', 'segment', 'classify']),
      state: 'finished',
      settings: readSettings(of),
      step: of.integer('step', 0, STEPS),
      losses: of.list('losses', STEPS).map((value, i) => nullToNaN(check, value, `${of.at('losses')}[${i}]`)),
      epochs: of
        .list('epochs', EPOCHS)
        .map((value, i) => readEpoch(check.record(value, `${of.at('epochs')}[${i}]`))),
      spent: of.number('spent', 0, LATEST),
    },
    ...{ train: places('train'), valid: places('valid') },
    ...(start === undefined ? {} : { start }),
    ...(model === undefined ? {} : { model }),
  };
}

function readEpoch(of: Fields): EpochRecord {
  const { check } = of;
  const logs = Object.entries(check.record(of.get('logs'), of.at('logs')).value);
  if (logs.length > LOGS) check.refuse(`${of.at('logs')}.length`, logs.length, `${LOGS} at most`);
  return {
    step: of.integer('step', 0, STEPS),
    logs: Object.fromEntries(
      logs.map(([name, value]) => [
        check.text(name, of.at('logs'), 100),
        nullToNaN(check, value, `${of.at('logs')}[${JSON.stringify(name.slice(0, 100))}]`),
      ]),
    ),
    best: of.flag('best'),
  };
}

/** A copy of the settings, of moderate size, and with own fields only. */
function readSettings(of: Fields): Training['settings'] {
  const { check } = of;
  const settings = check.record(of.get('settings'), of.at('settings'));
  settings.number('steps', 0, LARGEST);
  settings.list('classNames', CLASSES).map((name) => check.text(name, settings.at('classNames'), 1000));
  let left = VALUES;
  const copy = (value: unknown, depth: number): unknown => {
    left -= 1;
    if (left < 0 || depth > DEPTH) {
      check.refuse(of.at('settings'), 'larger', `of ${VALUES} values and ${DEPTH} levels at most`);
    }
    if (typeof value === 'string') return check.text(value, of.at('settings'), 10_000);
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item, depth + 1)]));
  };
  return copy(settings.value, 0) as Training['settings'];
}
