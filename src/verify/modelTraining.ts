import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { crossEntropy } from '../graph/functions/losses.ts';
import { norm } from '../graph/functions/reduce.ts';
import { concat } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { DetectionTargets } from '../models/detection.ts';
import { KeypointRCNN, type KeypointTargets } from '../models/keypointRcnn.ts';
import { MaskRCNN, type MaskTargets } from '../models/maskRcnn.ts';
import type { TorchvisionModel } from '../models/torchvision.ts';
import { Dropout } from '../nn/dropout.ts';
import type { Gpu } from '../plan/gpu.ts';
import { batchOf, type Parts, reader } from './modelCase.ts';
import { compareNumber, type ModelComparison, type ModelTolerances } from './modelComparison.ts';

/** The targets of all images, padded to the most boxes that one has. */
function targetsOf(
  modelCase: Parts,
  images: readonly Tensor[],
  firstLabel: number,
): DetectionTargets & { masks: Tensor[]; keypoints: Tensor | undefined } {
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
  const K = modelCase.inputs.get('keypoints.0')?.shape[1] ?? 0;
  const points = K > 0 ? padded('keypoints', K * 3, new Float32Array(N * most * K * 3)) : undefined;
  return {
    boxes: tensor(padded('boxes', 4, new Float32Array(N * most * 4)), [N, most, 4]),
    labels: tensor(
      padded('labels', 1, new Int32Array(N * most)).map((label) => label - firstLabel),
      [N, most],
    ),
    counts: tensor(Int32Array.from(boxes, ({ shape }) => shape[0]!)),
    masks,
    keypoints: points && tensor(points, [N, most, K, 3]),
  };
}

/** The losses of the model for the images and targets of the case: to be called while a step is recorded. */
function lossesOf(modelCase: Parts, built: TorchvisionModel, images: readonly Tensor[]): [string, Tensor][] {
  const read = reader(modelCase, 'inputs');
  if (built.kind === 'classify') {
    const logits = built.model.forward(batchOf(images));
    return [['cross_entropy', crossEntropy(logits, read('labels'))]];
  }
  if (built.kind === 'segment') {
    const masks = images.map(({ shape: [h, w] }, i) => read(`masks.${i}`).reshape([1, h!, w!]));
    return Object.entries(built.model.losses(batchOf(images), concat(masks, 0)));
  }
  const { model, firstLabel } = built;
  const targets = targetsOf(modelCase, images, firstLabel);
  if (model instanceof MaskRCNN) return Object.entries(model.losses(images, targets as MaskTargets));
  if (model instanceof KeypointRCNN) return Object.entries(model.losses(images, targets as KeypointTargets));
  return Object.entries(model.losses(images, targets));
}

/** Every norm of a running statistic after the step, by name. */
async function runningNorms(gpu: Gpu, { model }: TorchvisionModel, names: readonly string[]) {
  const norms = new Map<string, number>();
  if (names.length === 0) return norms;
  const state = await model.stateDict((each) => gpu.download(each));
  for (const name of names) {
    const { data } = state.get(name.replace('running_norm.', '')) ?? {};
    if (data) norms.set(name, Math.hypot(...data));
  }
  return norms;
}

/**
 * Compares a training step: losses, the norm of each gradient, and the norms of running statistics after it. Dropout is left
 * out, for its random numbers cannot be torchvision's.
 */
export async function checkTraining(
  gpu: Gpu,
  modelCase: Parts,
  built: TorchvisionModel,
  images: readonly Tensor[],
  tolerances: ModelTolerances,
): Promise<ModelComparison> {
  const { model } = built;
  for (const module of model.modules()) if (module instanceof Dropout) module.eval();
  const named = [...model.namedParameters()];
  let lossNames: string[] = [];
  let gradientNames: string[] = [];
  const { losses, norms } = await gpu.run(() => {
    const parts = lossesOf(modelCase, built, images);
    lossNames = parts.map(([name]) => name);
    const scalars = parts.map(([, loss]) => loss);
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
  const running = [...modelCase.expected.keys()].filter((name) => name.startsWith('running_norm.'));
  const got = new Map<string, number>([
    ...lossNames.map((name, i): [string, number] => [`loss.${name}`, losses[i]!]),
    ...gradientNames.map((name, i): [string, number] => [`grad_norm.${name}`, norms[i]!]),
    ...(await runningNorms(gpu, built, running)),
  ]);
  return compareNumber(
    [...modelCase.expected].map(([name, { data }]) => ({
      name,
      want: data[0]!,
      // torchvision writes some losses with the word before their names, some without.
      got: got.get(name) ?? got.get(name.replace('loss.loss_', 'loss.')),
      relative: name.startsWith('grad_norm.') ? tolerances.gradient : tolerances.loss,
    })),
  );
}
