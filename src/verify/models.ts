/**
 * Whole models against torchvision: cases of weights, inputs, and what torchvision answers, in inference or in training.
 */
import { DataError, FoveaError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { parseJson } from '../json.ts';
import { imageMasks, MaskRCNN } from '../models/maskRcnn.ts';
import { type TorchvisionModel, torchvisionModel } from '../models/torchvision.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { HostArray } from '../shape.ts';
import { batchOf, type ModelCase, type Parts, reader } from './modelCase.ts';
import {
  compareDetections,
  compareOutputs,
  type FoundObjects,
  type ModelComparison,
  type ModelTolerances,
  TOLERANCES,
} from './modelComparison.ts';
import { checkTraining } from './modelTraining.ts';

export type { ModelCase };

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
 * soft masks within 5e-3, 99 % of keypoints within a pixel. Outputs of classifiers and segmenters: within 1e-3 of their largest value. Training: each loss
 * and running statistic within 1e-3 of its value, the norm of each parameter's gradient within 1 %, or 1e-6. Throws DataError for a folder that is
 * no case, and UsageError for a builder or argument that Fovea does not know.
 */
export async function verifyModel(gpu: Gpu, modelCase: ModelCase): Promise<ModelRow> {
  const { builder, kind, images, args } = described(modelCase);
  return checkModel(gpu, { ...modelCase, kind, images }, torchvisionModel(builder, args));
}

/** The same of a model that is built already, torchvision's, with its names; and with tolerances of one's own. */
export async function checkModel(
  gpu: Gpu,
  modelCase: Omit<ModelCase, 'description'> & { readonly kind: ModelKind; readonly images: number },
  built: TorchvisionModel,
  tolerances: ModelTolerances = TOLERANCES,
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
  const { summary, problem } = await checks[kind](gpu, modelCase, built, images, tolerances);
  return { name, kind, summary, problem, ok: problem === '', milliseconds: performance.now() - started };
}

type Check = (
  gpu: Gpu,
  modelCase: Parts,
  built: TorchvisionModel,
  images: readonly Tensor[],
  tolerances: ModelTolerances,
) => Promise<ModelComparison>;

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
  const { boxes, scores, labels, count, keypoints } = results as Record<string, HostArray>;
  const D = scores!.length / images.length;
  const pairs = images.map((_, i) => {
    const part = (data: HostArray, width: number) => data.slice(i * D * width, (i * D + count![i]!) * width);
    const masks = (results as Record<string, HostArray>)[`masks.${i}`];
    const got: FoundObjects = {
      boxes: part(boxes!, 4),
      scores: part(scores!, 1),
      labels: part(labels!, 1).map((label) => label + firstLabel),
      masks,
      keypoints: keypoints && part(keypoints, keypoints.length / scores!.length),
    };
    const want: FoundObjects = {
      boxes: reader(modelCase, 'expected')(`boxes.${i}`) && values(modelCase, `boxes.${i}`)!,
      scores: values(modelCase, `scores.${i}`)!,
      labels: values(modelCase, `labels.${i}`)!,
      masks: values(modelCase, `masks.${i}`),
      keypoints: values(modelCase, `keypoints.${i}`),
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
  tolerances: ModelTolerances,
): Promise<ModelComparison> {
  const batch = batchOf(images);
  const results: Record<string, HostArray> = await gpu.run((): Record<string, Tensor> => {
    if (kind === 'segment') return { ...model.outputs(batch) };
    if (kind === 'classify') return { out: model.forward(batch) };
    throw new FoveaError(`${modelCase.name}: ${kind} models have no output to compare`);
  });
  return compareOutputs(
    [...modelCase.expected].map(([name, { data }]) => ({ name, want: data, got: results[name] })),
    tolerances.output,
  );
}

const checks: Record<ModelKind, Check> = {
  detect: checkDetections,
  train: checkTraining,
  segment: checkOutputs,
  classify: checkOutputs,
};
