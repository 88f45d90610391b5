/** Reads what a batch needs before it starts: its options, files and inputs. Every mistake in them is reported before anything is computed. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import type { AnnotatedImage } from 'fovea/data';
import { readFileBytes } from 'fovea/io';
import { addressOf, expectLocal } from '../address.ts';
import { openClassData } from '../classSamples.ts';
import { expectClassifier } from '../commands/classify.ts';
import { NO_PANOPTIC } from '../commands/predict.ts';
import { ConversionCheck, type ConvertOptions, expectApart, expectConvertOptions } from '../converting.ts';
import { type CutoutChoice, type CutoutFiles, expectCutoutOptions, readCutoutModels } from '../cutter.ts';
import type { DataOptions } from '../dataOptions.ts';
import { expectChosenPart } from '../dataParts.ts';
import { type EmbedFormatOption, embeddingsName } from '../embed/formats.ts';
import { type MediaOptions, mediaInputs } from '../embed/media.ts';
import { batchOf, type EmbedChoice } from '../embed/rows.ts';
import {
  checkAnnotations,
  type EvalChoice,
  evaluatedName,
  expectEvaluable,
  openSamples,
} from '../evaluating.ts';
import { FaultLog } from '../faultLog.ts';
import type { FileEmbedderOptions } from '../fileEmbedder.ts';
import { fileProblem } from '../files.ts';
import { type HashChoice, hasher } from '../hashRows.ts';
import { imageInputs } from '../imageInputs.ts';
import { besides, expectModel, type ModelFileOptions, readModel, sayModel } from '../modelFiles.ts';
import { openPlace } from '../place/place.ts';
import { type DetectOptions, expectDetectable } from '../predictor.ts';
import { expectResultOptions, type ResultOptions } from '../results.ts';
import { openData } from '../samples.ts';
import { expectNoOtherFiles } from './dataPlace.ts';
import { type BatchInput, type BatchName, type NewFile, WORK_FOLDER } from './work.ts';

/** Files, inputs and options, as read from the command's arguments. */
export interface Begun {
  readonly files: readonly NewFile[];
  readonly inputs: readonly BatchInput[];
  /** Options in the place of those that were given. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** The arguments of the command. */
export interface Given<Options> {
  readonly model: string | undefined;
  readonly images: readonly string[];
  readonly options: Options;
}

type InputOptions = { readonly recursive?: boolean; readonly out: string };

/** Files that options name, of those that were given. */
const filesOf = <Name extends string>(
  options: { readonly [K in Name]?: unknown },
  names: readonly Name[],
): NewFile[] =>
  names.flatMap((option) => {
    const file = options[option];
    return typeof file === 'string' ? [{ option, file }] : [];
  });

/** Throws UsageError for files that options name by addresses. */
function expectAllLocal<Name extends string>(
  options: { readonly [K in Name]?: unknown },
  names: readonly Name[],
): void {
  for (const { option, file } of filesOf(options, names)) {
    expectLocal(`--${option!.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, file);
  }
}

const besideFiles = (files: readonly string[], beside?: string): NewFile[] =>
  [...new Set(files)].map((file) => ({ option: null, file, ...(beside === undefined ? {} : { beside }) }));

/** The files beside an ONNX model that hold its values; none of another model. */
async function onnxFiles(bytes: Uint8Array, file: string): Promise<string[]> {
  const { isOnnx, readOnnxWeights } = await import('fovea/onnx');
  const found: string[] = [];
  if (isOnnx(bytes))
    readOnnxWeights(bytes, { name: file, externalData: besides(file, (one) => found.push(one)) });
  return found;
}

type PredictOptions = InputOptions & ModelFileOptions & DetectOptions & Partial<ResultOptions>;

const predict =
  (name: 'detect' | 'segment' | 'classify') =>
  async ({ model = '', images, options }: Given<PredictOptions>): Promise<Begun> => {
    expectLocal('the model', model);
    expectAllLocal(options, ['weights', 'names']);
    const beside: string[] = [];
    const opened = await readModel(model, { ...options, onBeside: (file) => beside.push(file) });
    sayModel(model, opened);
    if (name === 'classify') expectClassifier(model, opened);
    if (name === 'detect') expectDetectable(model, opened, options);
    if (name === 'segment' && options.format === 'panoptic') throw new UsageError(NO_PANOPTIC);
    expectResultOptions(options);
    return {
      files: [
        { option: 'model', file: model },
        ...besideFiles(beside),
        ...filesOf(options, ['weights', 'names']),
      ],
      inputs: await imageInputs(images, { ...options, stored: true }),
    };
  };

async function hash({ images, options }: Given<InputOptions & HashChoice>): Promise<Begun> {
  hasher(options);
  return { files: [], inputs: await imageInputs(images, { ...options, stored: true }) };
}

const CUTOUT_FILES = ['model', 'detector', 'detectorWeights', 'detectorNames'] as const;

async function cutout({ images, options }: Given<InputOptions & CutoutFiles & CutoutChoice>): Promise<Begun> {
  expectCutoutOptions(options);
  expectAllLocal(options, CUTOUT_FILES);
  const beside: string[] = [];
  const { bytes } = await readCutoutModels({ ...options, onBeside: (file) => beside.push(file) });
  return {
    files: [
      ...filesOf(options, CUTOUT_FILES),
      ...besideFiles(await onnxFiles(bytes, options.model)),
      ...besideFiles(beside, 'detector'),
    ],
    inputs: await imageInputs(images, { ...options, stored: true }),
  };
}

type EmbedOptions = InputOptions &
  MediaOptions &
  FileEmbedderOptions &
  EmbedChoice & { readonly model: string };

async function embed({ images, options }: Given<EmbedOptions & EmbedFormatOption>): Promise<Begun> {
  const { model, out, format, batch } = options;
  const name = embeddingsName(format);
  const results = openPlace(out);
  if (format === 'index' && (await results.has(name)) && !(await results.has(WORK_FOLDER))) {
    throw new DataError(
      `${out}: has ${name} already; choose another --out, or add images to it with fovea index`,
    );
  }
  expectAllLocal(options, ['model', 'weights']);
  const bytes = await readFileBytes(model);
  expectModel(bytes, model);
  const media = await mediaInputs(images, options);
  return {
    files: [...filesOf(options, ['model', 'weights']), ...besideFiles(await onnxFiles(bytes, model))],
    inputs: media.map(({ file, kind }) => ({
      ...{ file, inside: path.basename(file), name: path.basename(file) },
      ...(kind === 'image' ? {} : { kind }),
    })),
    options: { batch: batchOf(media, batch) },
  };
}

/** A labelled image as an input of a batch: its file, or its annotation where the image is embedded in that. */
const labelledInput = ({
  name,
  image,
  source,
}: Pick<AnnotatedImage, 'name' | 'image' | 'source'>): BatchInput =>
  typeof image === 'string'
    ? { file: image, inside: name, name }
    : { file: source, inside: name, name, kind: 'annotation' };

/** Throws DataError for annotations that cannot be used. Those that are left out are reported at the end. */
async function expectNoneBad(faults: FaultLog, options: DataOptions): Promise<void> {
  const isBad = faults.faults.some(({ level }) => level !== 'note');
  if (isBad && !options.skipBad) await faults.finish(options);
}

async function evaluate({ model = '', options }: Given<InputOptions & EvalChoice>): Promise<Begun> {
  expectLocal('the model', model);
  expectAllLocal(options, ['weights', 'names', 'data', 'images']);
  const beside: string[] = [];
  const opened = await readModel(model, { ...options, onBeside: (file) => beside.push(file) });
  expectEvaluable(model, opened, options);
  await FaultLog.check(options);
  const faults = new FaultLog();
  const inputs: BatchInput[] = [];
  await faults.during(options, async () => {
    if (opened.task === 'classify') {
      const dataset = await openClassData(options.data, options, faults, opened.classNames);
      expectChosenPart(dataset.path, dataset.splits, options);
      for (const { name, image } of dataset.files) inputs.push(labelledInput({ name, image, source: image }));
      if (inputs.length === 0) await faults.finishEmpty(options, options.data);
    } else {
      const reader = await openSamples(options, opened, faults);
      const add = (read: AnnotatedImage): void => void inputs.push(labelledInput(read));
      await checkAnnotations(reader, options, evaluatedName(opened), add);
    }
    await expectNoneBad(faults, options);
  });
  return {
    files: [
      { option: 'model', file: model },
      ...besideFiles(beside),
      ...filesOf(options, ['weights', 'names']),
    ],
    inputs,
  };
}

async function convert({ options }: Given<InputOptions & ConvertOptions & { readonly data: string }>) {
  const { data, out, linkImages, force = false } = options;
  expectConvertOptions(options);
  expectAllLocal(options, ['data', 'images']);
  const address = addressOf(out);
  if (address && linkImages) {
    throw new UsageError(
      `convert: --link-images is for a folder, and --out ${address.url} has no links; leave it out, or write to a folder`,
    );
  }
  if (!address) await expectApart(data, out);
  await expectNoOtherFiles(out, force);
  await FaultLog.check(options);
  const faults = new FaultLog();
  const inputs: BatchInput[] = [];
  await faults.during(options, async () => {
    const dataset = await openData(data, options, faults, { extras: true });
    const check = new ConversionCheck(dataset, options);
    for await (const image of dataset.images()) {
      check.add(image);
      inputs.push(labelledInput(image));
    }
    if (inputs.length === 0) await faults.finishEmpty(options, data);
    await expectNoneBad(faults, options);
    check.end(data);
  });
  return { files: [], inputs };
}

const BEGIN: Readonly<Record<BatchName, (given: Given<never>) => Promise<Begun>>> = {
  detect: predict('detect'),
  segment: predict('segment'),
  classify: predict('classify'),
  hash,
  cutout,
  embed,
  eval: evaluate,
  convert,
};

/** Throws DataError for a file or folder that is not there: of a folder that is misspelt, nothing would come but its name as a bad image. */
async function expectThere(files: readonly string[]): Promise<void> {
  for (const file of files) {
    if (addressOf(file)) continue;
    await stat(file).catch((error) => {
      throw new DataError(`${file}: cannot be read (${fileProblem(error)}); check the path`, {
        cause: error,
      });
    });
  }
}

/** Reads what a batch begins with. Throws UsageError or DataError for what cannot be used. */
export async function begin(name: BatchName, given: Given<object>): Promise<Begun> {
  await expectThere(given.images);
  return BEGIN[name](given as Given<never>);
}
