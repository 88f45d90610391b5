import { readFileSync } from 'node:fs';
import path from 'node:path';
import { architectureOf, DataError, type FixedPreprocessing, type TrainedModel, UsageError } from 'fovea';
import { type LoadedWeights, loadWeights, type OtherFormat, otherFormatOf, readFileBytes } from 'fovea/io';
import { type OpenedModel, type OpenModelOptions, openModel } from 'fovea/open';

export { usualSide } from 'fovea/open';

import { defined } from './defined.ts';
import { printable } from './printable.ts';

/** Options of commands that run a model of any origin. */
export interface ModelFileOptions {
  /** The weights of a model whose own file only describes it: Darknet's. */
  readonly weights?: string;
  /** The names of its classes, one per line. */
  readonly names?: string;
  /** How images are brought to the size of Darknet's network. */
  readonly fit?: FixedPreprocessing['fit'];
  /** torchvision's name of the builder that weights of PyTorch are for. */
  readonly arch?: string;
  /** How images are normalised for an ONNX model. */
  readonly normalize?: 'imagenet' | 'none';
  /** Called with each file beside an ONNX model that it names. */
  readonly onBeside?: (file: string) => void;
}

/** The lines of a file, without empty ones. */
const linesOf = async (file: string): Promise<string[]> =>
  new TextDecoder()
    .decode(await readFileBytes(file))
    .split(/\r\n|\n|\r/)
    .filter((line) => line.trim() !== '');

/** Reads what an ONNX model names as its external data: files of the same folder only, because the model comes from elsewhere. */
export const besides =
  (file: string, onRead?: (file: string) => void) =>
  (location: string): Uint8Array | undefined => {
    if (!/^[\w-][\w .+-]*$/.test(location)) return undefined;
    const beside = path.join(path.dirname(file), location);
    onRead?.(beside);
    return readFileSync(beside);
  };

/** The advice at the end of a message about a file of another format. */
export type FormatAdvice = Partial<Readonly<Record<OtherFormat, (file: string) => string>>>;

/** Throws DataError for a file of a format that another command takes, or that is needed together with another file. */
export function expectFormat(content: Uint8Array, file: string, advice: FormatAdvice): void {
  const format = otherFormatOf(content);
  const end = format && advice[format]?.(file);
  if (end !== undefined) throw new DataError(`${file}: ${end}`);
}

const MERGE = (file: string): string =>
  `is the index of weights in several files; merge them: fovea weights convert ${file} OUT.safetensors`;

/** Loads weights of a file that was read, with those beside it that it names. */
export const weightsOf = (
  content: Uint8Array,
  file: string,
  options: { readonly stateDict?: string } = {},
): Promise<LoadedWeights> =>
  loadWeights(content, {
    ...options,
    name: file,
    read: (name) => readFileBytes(path.join(path.dirname(file), name)),
  });

/** Files that are no model, or half of one. */
const NO_MODEL: FormatAdvice = {
  index: MERGE,
  tfjs: () =>
    'is a model of TensorFlow.js, which only code runs (loadTfjs); fovea weights show lists its weights',
  darknet: (file) => `is Darknet's weights; give their .cfg as the model, with --weights ${file}`,
  text: () => 'is a text file, not a model; give a .safetensors, .onnx, .pth or .cfg file',
};

/** Throws DataError for a file that is no model. */
export const expectModel = (content: Uint8Array, file: string): void => expectFormat(content, file, NO_MODEL);

/** What the library takes to open the model of a file. */
export async function modelOptions(
  file: string,
  { weights, names, fit, arch, normalize, onBeside }: ModelFileOptions,
): Promise<OpenModelOptions> {
  return {
    name: file,
    ...defined({
      weights: weights === undefined ? undefined : await readFileBytes(weights),
      names: names === undefined ? undefined : await linesOf(names),
      ...{ fit, arch, normalize },
    }),
    externalData: besides(file, onBeside),
  };
}

/**
 * Opens a trained model: a file that `fovea train` wrote, an ONNX model, Darknet's .cfg with its weights, or torchvision's
 * weights. What it is, its content says. `content`: that of the file, where it was read before.
 */
export async function readModel(
  file: string,
  options: ModelFileOptions = {},
  content?: Uint8Array,
): Promise<OpenedModel> {
  const bytes = content ?? (await readFileBytes(file));
  expectModel(bytes, file);
  return openModel(bytes, await modelOptions(file, options));
}

/** Says what a model of others is taken for, since the file may not say how its images must be prepared. */
export function sayModel(file: string, opened: OpenedModel): void {
  const { description, trained } = opened;
  if (trained && 'maxSide' in trained.preprocessing) return;
  process.stderr.write(`${printable(file)}: ${printable(description)}\n`);
  sayBuilders(file, opened);
}

/** Says which other builders have weights of the same shapes as the one that was assumed. */
export function sayBuilders(file: string, { builders = [] }: OpenedModel): void {
  const [taken, ...others] = builders;
  if (others.length === 0) return;
  process.stderr.write(
    `${printable(file)}: taken for ${taken}; ${others.join(' and ')} ${others.length === 1 ? 'has' : 'have'} the same shapes, and other sizes of images: --arch ${others[0]}\n`,
  );
}

/** The model of a file that must be one of Fovea's. Throws UsageError for an ONNX model. */
export function trainedOf({ trained }: OpenedModel, file: string): TrainedModel {
  if (trained) return trained;
  throw new UsageError(`${file}: is an ONNX model; give one of Fovea or torchvision`);
}

/** Throws UsageError for a size of images (`--size`) that a model does not take. */
export function expectSize({ name, model }: TrainedModel, size: readonly [number, number]): void {
  const multiple = architectureOf(name).sizeMultiple(model.config);
  const wrong = size.find((side) => side % multiple !== 0);
  if (wrong === undefined) return;
  throw new UsageError(`--size: ${name} takes images whose sides are multiples of ${multiple}, not ${wrong}`);
}
