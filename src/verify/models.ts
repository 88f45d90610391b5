/**
 * Whole models against torchvision: cases of weights, inputs, and what torchvision answers, in inference or in training.
 */
import { DataError, FoveaError } from '../errors.ts';
import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { norm } from '../graph/functions/reduce.ts';
import { concat } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { StateDict } from '../io/safetensors.ts';
import { parseJson } from '../json.ts';
import type { DetectionTargets } from '../models/detection.ts';
import { imageMasks, MaskRCNN, type MaskTargets } from '../models/maskRcnn.ts';
import { type TorchvisionModel, torchvisionModel } from '../models/torchvision.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { HostArray } from '../shape.ts';
import {
  compareDetections,
  compareNumber,
  compareOutputs,
  type FoundObjects,
  type ModelComparison,
} from './modelComparison.ts';

/** One case: the parts of its folder. */
export interface ModelCase {
  /** The name of the case, for messages. */
  readonly name: string;
  /** `model.json`: the builder of torchvision, its arguments, and what is computed. */
  readonly description: string;
  /** The state dict under the names of torchvision. */
  readonly weights: StateDict;
  /** Images, and targets for training, by name. */
  readonly inputs: StateDict;
  /** What torchvision computes, by name. */
  readonly expected: StateDict;
}

/** The result of a case. */
export interface ModelRow extends ModelComparison {
  /** The name of the case. */
  readonly name: string;
  /** `detect`, `train`, `segment` or `classify`. */
  readonly kind: string;
  /** Whether everything is within tolerance. */
  readonly ok: boolean;
  /** How long the case took. */
  readonly milliseconds: number;
}

const KINDS = ['detect', 'train', 'segment', 'classify'] as const;
export type ModelKind = (typeof KINDS)[number];

/** What `model.json` says. Throws DataError for what does not. */
function described({ name, description }: ModelCase) {
  const json = parseJson(description, `${name}: model.json`, 'make the case again');
  const given = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const { builder, kind, images, arguments: args } = given;
  const fault = (field: string, wanted: string) =>
    new DataError(
      `${name}: model.json: ${field} is ${JSON.stringify(given[field]) ?? 'missing'}, not ${wanted}; make the case again`,
    );
  if (typeof builder !== 'string') throw fault('builder', 'the name of a builder of torchvision');
  if (!KINDS.some((known) => known === kind)) throw fault('kind', `one of ${KINDS.join(', ')}`);
  if (!Number.isInteger(images) || (images as number) < 1) throw fault('images', 'a number of images');
  if (typeof args !== 'object' || args === null) throw fault('arguments', 'an object');
  return {
    builder,
    kind: kind as ModelKind,
    images: images as number,
    args: args as Record<string, unknown>,
  };
}

/**
 * Runs a case on the device. Detections: at least 99 % matched one to one (the same label, IoU >= 0.99, scores within 1e-3),
 * soft masks within 5e-3. Outputs of classifiers and segmenters: within 1e-3 of their largest value. Training: each loss
 * within 1e-3 of its value, the norm of each parameter's gradient within 1 %, or 1e-6. Throws DataError for a folder that is
 * no case, and UsageError for a builder or argument that Fovea does not know.
 */
export async function verifyModel(gpu: Gpu, modelCase: ModelCase): Promise<ModelRow> {
  const { builder, kind, images, args } = described(modelCase);
  return checkModel(gpu, { ...modelCase, kind, images }, torchvisionModel(builder, args));
}

/** The same of a model that is built already: torchvision's, with its names. */
export async function checkModel(
  gpu: Gpu,
  modelCase: Omit<ModelCase, 'description'> & { readonly kind: ModelKind; readonly images: number },
  built: TorchvisionModel,
): Promise<ModelRow> {
  const started = performance.now();
  const { name, kind, weights } = modelCase;
  built.model.loadStateDict(weights, {
    source: `${name}: weights.safetensors`,
    layout: 'pytorch',
    copy: false,
  });
  built.model.train(kind === 'train');
  const read = reader(modelCase, 'inputs');
  const images = Array.from({ length: modelCase.images }, (_, i) => read(`image.${i}`));
  const { summary, problem } = await checks[kind](gpu, modelCase, built, images);
  return { name, kind, summary, problem, ok: problem === '', milliseconds: performance.now() - started };
}

type Parts = Omit<ModelCase, 'description'>;

type Check = (
  gpu: Gpu,
  modelCase: Parts,
  built: TorchvisionModel,
  images: readonly Tensor[],
) => Promise<ModelComparison>;

/** Reads tensors of a file by name. */
const reader =
  (modelCase: Parts, file: 'inputs' | 'expected') =>
  (name: string): Tensor => {
    const found = modelCase[file].get(name);
    if (found) return tensor(found.data, found.shape);
    throw new DataError(`${modelCase.name}: ${file}.safetensors has no ${name}; make the case again`);
  };

const values = (modelCase: Parts, name: string): HostArray | undefined => modelCase.expected.get(name)?.data;

async function checkDetections(
  gpu: Gpu,
  modelCase: Parts,
  built: TorchvisionModel,
  images: readonly Tensor[],
): Promise<ModelComparison> {
  if (built.kind !== 'detect')
    throw new FoveaError(`${modelCase.name}: ${built.kind} models find no objects`);
  const { model, firstLabel } = built;
  const sizes = images.map(({ shape }) => [shape[0]!, shape[1]!] as const);
  const results = await gpu.run(() => {
    if (!(model instanceof MaskRCNN)) return { ...model.detect(images) };
    const found = model.detect(images);
    const pasted = sizes.map((size, i) => [`masks.${i}`, imageMasks(found, i, size)]);
    const { boxes, scores, labels, count } = found;
    return { boxes, scores, labels, count, ...Object.fromEntries(pasted) };
  });
  const { boxes, scores, labels, count } = results as Record<string, HostArray>;
  const D = scores!.length / images.length;
  const pairs = images.map((_, i) => {
    const part = (data: HostArray, width: number) => data.slice(i * D * width, (i * D + count![i]!) * width);
    const masks = (results as Record<string, HostArray>)[`masks.${i}`];
    const got: FoundObjects = {
      boxes: part(boxes!, 4),
      scores: part(scores!, 1),
      labels: part(labels!, 1).map((label) => label + firstLabel),
      masks,
    };
    const want: FoundObjects = {
      boxes: reader(modelCase, 'expected')(`boxes.${i}`) && values(modelCase, `boxes.${i}`)!,
      scores: values(modelCase, `scores.${i}`)!,
      labels: values(modelCase, `labels.${i}`)!,
      masks: values(modelCase, `masks.${i}`),
    };
    return { got, want };
  });
  return compareDetections(pairs);
}

async function checkOutputs(
  gpu: Gpu,
  modelCase: Parts,
  { model, kind }: TorchvisionModel,
  images: readonly Tensor[],
): Promise<ModelComparison> {
  const batch = concat(
    images.map((image) => image.reshape([1, ...image.shape])),
    0,
  );
  const results: Record<string, HostArray> = await gpu.run((): Record<string, Tensor> => {
    if (kind === 'segment') return { ...model.outputs(batch) };
    if (kind === 'classify') return { out: model.forward(batch) };
    throw new FoveaError(`${modelCase.name}: ${kind} models have no output to compare`);
  });
  return compareOutputs(
    [...modelCase.expected].map(([name, { data }]) => ({ name, want: data, got: results[name] })),
  );
}

/** The targets of all images, padded to the most boxes that one has. */
function targetsOf(
  modelCase: Parts,
  images: readonly Tensor[],
  firstLabel: number,
): DetectionTargets & { masks: Tensor[] } {
  const read = reader(modelCase, 'inputs');
  const boxes = images.map((_, i) => read(`boxes.${i}`));
  const most = Math.max(1, ...boxes.map(({ shape }) => shape[0]!));
  const padded = (name: string, width: number, array: Float32Array | Int32Array) => {
    images.forEach((_, i) => {
      array.set(modelCase.inputs.get(`${name}.${i}`)!.data, i * most * width);
    });
    return array;
  };
  const N = images.length;
  const masks = images.flatMap(({ shape }, i) => {
    const given = modelCase.inputs.get(`masks.${i}`);
    if (!given) return [];
    const [h, w] = shape as [number, number];
    const data = new Float32Array(most * h * w);
    data.set(given.data);
    return [tensor(data, [most, h, w])];
  });
  return {
    boxes: tensor(padded('boxes', 4, new Float32Array(N * most * 4)), [N, most, 4]),
    labels: tensor(
      padded('labels', 1, new Int32Array(N * most)).map((label) => label - firstLabel),
      [N, most],
    ),
    counts: tensor(Int32Array.from(boxes, ({ shape }) => shape[0]!)),
    masks,
  };
}

async function checkTraining(
  gpu: Gpu,
  modelCase: Parts,
  built: TorchvisionModel,
  images: readonly Tensor[],
): Promise<ModelComparison> {
  if (built.kind !== 'detect')
    throw new FoveaError(`${modelCase.name}: training of ${built.kind} models is not in cases`);
  const { model, firstLabel } = built;
  const targets = targetsOf(modelCase, images, firstLabel);
  const named = [...model.namedParameters()];
  let lossNames: string[] = [];
  let gradientNames: string[] = [];
  const { losses, norms } = await gpu.run(() => {
    const parts = Object.entries(
      model instanceof MaskRCNN
        ? model.losses(images, targets as MaskTargets)
        : model.losses(images, targets),
    );
    lossNames = parts.map(([name]) => name);
    const scalars = parts.map(([, loss]) => loss as Tensor);
    backward(scalars.reduce((a, b) => add(a, b)));
    const learned = named.filter(([, { tensor: weight }]) => weight.grad);
    gradientNames = learned.map(([name]) => name);
    const joined = (list: readonly Tensor[]) =>
      concat(
        list.map((value) => value.reshape([1])),
        0,
      );
    return {
      losses: joined(scalars),
      norms: joined(learned.map(([, { tensor: weight }]) => norm(weight.grad!))),
    };
  });
  const got = new Map<string, number>([
    ...lossNames.map((name, i): [string, number] => [`loss.${name}`, losses[i]!]),
    ...gradientNames.map((name, i): [string, number] => [`grad_norm.${name}`, norms[i]!]),
  ]);
  return compareNumber(
    [...modelCase.expected].map(([name, { data }]) => ({
      name,
      want: data[0]!,
      // torchvision writes some losses with the word before their names, some without.
      got: got.get(name) ?? got.get(name.replace('loss.loss_', 'loss.')),
      relative: name.startsWith('loss.') ? 1e-3 : 1e-2,
    })),
  );
}

const checks: Record<ModelKind, Check> = {
  detect: checkDetections,
  train: checkTraining,
  segment: checkOutputs,
  classify: checkOutputs,
};
