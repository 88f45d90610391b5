import path from 'node:path';
import { DataError, decodeModel, UsageError } from 'fovea';
import { encodeSafetensors, type LoadedWeights, type OtherValue, readFileBytes, writeTorch } from 'fovea/io';
import { isOnnx, readOnnxWeights } from 'fovea/onnx';
import { counted } from '../counted.ts';
import { checkOutputFile, realPath, writeFileAtomic } from '../files.ts';
import { besides, expectFormat, type FormatAdvice, weightsOf } from '../modelFiles.ts';
import { printable } from '../printable.ts';
import { textTable } from '../textTable.ts';
import { exportCommand } from './export.ts';

export interface WeightsOptions {
  /** The name of the state dict to take. */
  readonly stateDict?: string;
}

export interface ConvertOptions extends WeightsOptions {
  /** torchvision's name of the builder of a model that is written as .onnx. */
  readonly arch?: string;
}

/** What the formats are called. */
const TITLES: Readonly<Record<LoadedWeights['format'], string>> = {
  safetensors: 'safetensors',
  sharded: 'an index with its shards',
  torch: 'PyTorch (torch.save)',
  'torch-legacy': 'PyTorch before 1.6 (torch.save)',
  torchscript: 'TorchScript',
  tfjs: 'TensorFlow.js',
  darknet: 'Darknet',
  onnx: 'ONNX',
};

/** The longest value that is shown as it is. */
const MAX_TEXT = 80;
/** Classes of objects and hooks of modules are many. */
const MAX_VALUES = 40;

const write = (text: string): boolean => process.stdout.write(`${text}\n`);

function shown(value: OtherValue): string {
  if (value instanceof Uint8Array) return counted(value.length, 'byte');
  if (Array.isArray(value))
    return `[${value
      .slice(0, MAX_TEXT / 2)
      .map(shown)
      .join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return 'className' in value ? value.className : 'dtype' in value ? `${value.dtype} [${value.shape}]` : '';
  }
  return typeof value === 'string' ? JSON.stringify(value.slice(0, MAX_TEXT + 1)) : String(value);
}

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** Files of which weights are read together with another file only. */
const NOT_ALONE: FormatAdvice = {
  darknet: (file) =>
    `is Darknet's weights, which only their .cfg describes; fovea export NET.cfg OUT.onnx --weights ${file} writes both`,
  'darknet-cfg': (file) =>
    `describes Darknet's network without its weights; fovea export ${file} OUT.onnx --weights NET.weights writes both`,
  text: () => 'is a text file, not weights; give a .safetensors, .pth or .onnx file',
};

/** Weights of any format. Throws UsageError for the name of a state dict where there can be but one. */
async function readWeights(file: string, options: WeightsOptions): Promise<LoadedWeights> {
  const bytes = await readFileBytes(file);
  expectFormat(bytes, file, NOT_ALONE);
  if (!isOnnx(bytes)) return weightsOf(bytes, file, options);
  if (options.stateDict === undefined) {
    return readOnnxWeights(bytes, { name: file, externalData: besides(file) });
  }
  throw new UsageError(`${file}: is an ONNX model, which --state-dict is not for; leave it out`);
}

/** The number of values of all tensors, and their bytes. */
function total({ tensors }: LoadedWeights): string {
  let [values, bytes] = [0, 0];
  for (const { data } of tensors.values()) {
    values += data.length;
    bytes += data.byteLength;
  }
  return `${tensors.size} tensor${tensors.size === 1 ? '' : 's'}, ${values.toLocaleString('en')} values, ${bytes.toLocaleString('en')} bytes`;
}

/**
 * fovea weights show: the format of a file of weights, its tensors, what else is in it, and what was left out and why. Throws
 * DataError for a file that is no weights, named for what it is.
 */
export async function showWeightsCommand(file: string, options: WeightsOptions = {}): Promise<void> {
  const weights = await readWeights(file, options);
  write(`${printable(file)}: ${TITLES[weights.format]}`);
  write(total(weights));
  if (weights.layout) write(`layout of ${weights.layout === 'fovea' ? 'Fovea' : 'PyTorch'}`);
  for (const note of weights.notes) write(`note: ${printable(note)}`);
  if (weights.tensors.size > 0) {
    const rows = [...weights.tensors].map(([name, { dtype, shape }]) => [cut(name), dtype, `[${shape}]`]);
    write(`\n${textTable({ header: ['tensor', 'dtype', 'shape'], rows })}`);
  }
  const others = [...weights.other].filter(([name]) => name !== '');
  if (others.length === 0) return;
  write('\nother values');
  for (const [name, value] of others.slice(0, MAX_VALUES)) {
    write(`  ${printable(cut(name))}: ${printable(cut(shown(value)))}`);
  }
  if (others.length > MAX_VALUES) write(`  … ${others.length - MAX_VALUES} more`);
}

/** How each extension is written. */
const WRITERS: Readonly<Record<string, (weights: LoadedWeights) => Uint8Array>> = {
  // As safetensors.torch.save_file marks it, so that the layout is known when it is read.
  '.safetensors': ({ tensors, layout }) =>
    encodeSafetensors(tensors, layout === 'pytorch' ? { format: 'pt' } : {}),
  '.pth': ({ tensors }) => writeTorch(tensors),
};

/**
 * The weights of a file of `fovea train` in PyTorch's layouts: its model says how each is stored there. Others as they are. Throws UsageError
 * for a .pth of weights in Fovea's layout without their model.
 */
async function inTorchLayout(
  weights: LoadedWeights,
  file: string,
  extension: string,
): Promise<LoadedWeights> {
  if (weights.layout !== 'fovea') return weights;
  if (!['fovea.model', 'fovea.progress'].some((key) => weights.other.has(key))) {
    if (extension !== '.pth') return weights;
    throw new UsageError(
      `${file}: is a state dict in Fovea's layout, and only its model knows PyTorch's; load it into that in code, and write model.stateDict(…) with writeTorch`,
    );
  }
  const { model } = decodeModel(await readFileBytes(file), file);
  const tensors = await model.stateDict(async ({ initial }) => initial, { layout: 'pytorch' });
  const notes = [...weights.notes, 'weights were transposed to the layout of PyTorch'];
  return { ...weights, layout: 'pytorch', tensors, notes };
}

/**
 * fovea weights convert: the state dict of a file in another format, with its names and types as they are and in PyTorch's layouts;
 * or a whole model as an ONNX file, as `fovea export` writes it. Throws UsageError for another extension, or where both are one file; DataError for what cannot be read or written, or holds no tensor.
 */
export async function convertWeightsCommand(
  from: string,
  to: string,
  { arch, ...options }: ConvertOptions = {},
): Promise<void> {
  const extension = path.extname(to).toLowerCase();
  if (extension === '.onnx') {
    if (options.stateDict !== undefined) {
      throw new UsageError(
        `--state-dict: ${to} holds a whole model; write that state dict as .safetensors first, and convert it`,
      );
    }
    return exportCommand(from, to, arch === undefined ? {} : { arch });
  }
  if (arch !== undefined)
    throw new UsageError(`--arch: is for models that are written as .onnx; leave it out`);
  const writer = WRITERS[extension];
  if (!writer) {
    const known = [...Object.keys(WRITERS), '.onnx'];
    throw new UsageError(`${to}: the format is not known; end it in ${known.join(' or ')}`);
  }
  if ((await realPath(from)) === (await realPath(to))) {
    throw new UsageError(`${to}: is the file to convert; choose another one`);
  }
  await checkOutputFile(to);
  const weights = await inTorchLayout(await readWeights(from, options), from, extension);
  if (weights.tensors.size === 0) throw new DataError(`${from}: holds no tensors; give a file of weights`);
  await writeFileAtomic(to, writer(weights));
  write(`${printable(from)}: ${TITLES[weights.format]}, ${total(weights)}`);
  for (const note of weights.notes) write(`note: ${printable(note)}`);
  if (weights.other.size > 0)
    write(
      `left out: ${counted(weights.other.size, 'value that is no tensor', 'values that are no tensors')}`,
    );
  write(`${printable(to)}: written`);
}
