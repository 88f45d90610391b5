/** What the images of an ONNX model are, and how they are prepared for it. */
import { DataError } from '../errors.ts';
import { tensor } from '../graph/tensor.ts';
import type { OnnxPort } from '../onnx/graph.ts';
import type { OnnxModule } from '../onnx/module.ts';
import { UnsupportedError } from '../onnx/unsupported.ts';
import { type CropPreprocessing, cropPreprocessing } from '../tasks/preprocessing.ts';
import type { Head, OutputPort } from './onnxHeads.ts';
import type { OnnxFit } from './onnxPrepare.ts';

/** What a file says of a model besides its nodes. */
interface Described {
  readonly inputs: readonly OnnxPort[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** `logits [1,1000]`, for messages. */
export const listed = (ports: readonly { name: string; shape: OutputPort['shape'] }[]): string =>
  ports
    .map(({ name, shape }) => `${name} [${shape?.map((size) => size ?? '?').join(',') ?? '…'}]`)
    .join(', ');

/** The input that takes images. `size`: theirs, where it is fixed; `many`: whether it takes several at once. Throws DataError where there is none. */
export function inputOf(file: string, { inputs }: Pick<Described, 'inputs'>) {
  const [input, ...more] = inputs;
  const shape = input?.shape;
  const channels = shape?.at(-3);
  if (
    more.length > 0 ||
    !input ||
    !shape ||
    ![3, 4].includes(shape.length) ||
    (channels !== 3 && typeof channels === 'number')
  ) {
    throw new DataError(
      `${file}: its inputs are ${listed(inputs)}; models of one RGB image, [1,3,H,W] or [3,H,W], can be run`,
    );
  }
  const [height, width] = shape.slice(-2);
  const batch = shape.length === 4 ? shape[0] : 1;
  if (typeof batch === 'number' && batch !== 1) {
    throw new DataError(`${file}: takes ${batch} images at once; export it for one, or for any number`);
  }
  const size =
    typeof height === 'number' && typeof width === 'number' ? ([height, width] as const) : undefined;
  return { name: input.name, batched: shape.length === 4, many: typeof batch !== 'number', size };
}

const DYNAMIC_SIDE = 640;

/** The size of the images of a model that takes any: what Ultralytics writes, or 640x640. */
export function usualSize({ metadata }: Pick<Described, 'metadata'>): readonly [number, number] {
  const imgsz = /^\s*\[\s*(\d+)\s*,\s*(\d+)\s*\]/.exec(metadata.get('imgsz') ?? '');
  return imgsz ? [Number(imgsz[1]), Number(imgsz[2])] : [DYNAMIC_SIDE, DYNAMIC_SIDE];
}

/** The outputs with the sizes that an image gives, as far as they can be told without computing. */
export function outputsOf(
  model: OnnxModule,
  { name, batched }: { readonly name: string; readonly batched: boolean },
  [height, width]: readonly [number, number],
): { outputs: OutputPort[]; staged: boolean } {
  const shape = [...(batched ? [1] : []), 3, height, width];
  const isInteger = (type: string) => /^u?int|bool/.test(type);
  try {
    const found = model.forward({ [name]: tensor(new Float32Array(3 * height * width), shape) });
    const outputs = model.outputs.map((port) => ({
      name: port.name,
      integers: isInteger(port.type),
      shape: found[port.name]!.shape,
    }));
    return { outputs, staged: false };
  } catch (error) {
    if (!(error instanceof UnsupportedError) || !/use run\(\)/.test(error.message)) throw error;
    const outputs = model.outputs.map((port) => ({
      name: port.name,
      integers: isInteger(port.type),
      shape: port.shape,
    }));
    return { outputs, staged: true };
  }
}

/** JSON in the metadata of a file; nothing where there is none, or other text. */
export function metadataIn(
  { metadata }: Pick<Described, 'metadata'>,
  key: string,
): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(metadata.get(key) ?? '{}'));
  } catch {
    return {};
  }
}

/** What `fovea export` wrote of the model that it exported. */
export const ownMetadata = (
  model: Pick<Described, 'metadata'>,
): { readonly classNames?: string[]; readonly preprocessing?: OnnxFit['own'] } =>
  metadataIn(model, 'fovea.model');

/** How images are cut for a classifier: as torchvision does it, or Ultralytics, whose crop has the whole shorter side. */
const cropFor = (side: number, ultralytics: boolean): CropPreprocessing =>
  ultralytics ? { resizeSize: side, cropSize: side } : cropPreprocessing(side);

/** How images are prepared for a model, and what it is, for its description. */
export interface OnnxPreparation {
  readonly fit: OnnxFit;
  readonly how: 'imagenet' | 'none';
  readonly family: string;
}

/**
 * How images are prepared for a model with this head; with one that is not known, as for a classifier. `size`: what it takes, where that is
 * fixed; `normalize`: what the user says.
 */
export function preparationOf(
  model: Pick<Described, 'metadata'>,
  head: Head | undefined,
  size: readonly [number, number] | undefined,
  normalize: OnnxPreparation['how'] | undefined,
): OnnxPreparation {
  const own = ownMetadata(model).preprocessing;
  const usual = size ?? usualSize(model);
  const classifies = !head || head.kind === 'classes';
  const ultralytics =
    head?.kind === 'candidates' || head?.kind === 'rows' || model.metadata.get('task') === 'classify';
  const fit: OnnxFit = own
    ? { kind: 'own', size: usual, own }
    : classifies && (!size || size[0] === size[1])
      ? { kind: 'crop', crop: cropFor(size?.[0] ?? 224, ultralytics) }
      : ultralytics && !classifies
        ? { kind: 'letterbox', size: usual }
        : size
          ? { kind: 'stretch', size }
          : head?.kind === 'map'
            ? { kind: 'shorter', side: 520 }
            : { kind: 'native' };
  const plain = own !== undefined || (classifies && ultralytics);
  const how = normalize ?? ((head?.kind === 'map' || classifies) && !plain ? 'imagenet' : 'none');
  const family = own
    ? 'exported by Fovea'
    : ultralytics
      ? 'with a head of Ultralytics'
      : head?.kind === 'map'
        ? 'that gives maps of classes'
        : classifies
          ? 'that classifies images'
          : 'with a head of torchvision';
  return { fit, how, family };
}
