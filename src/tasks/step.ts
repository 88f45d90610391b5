import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { argmax } from '../graph/functions/reduce.ts';
import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { DetectOptions, RetinaNet } from '../models/retinanet.ts';
import type { UNet } from '../models/unet.ts';
import type { AdamW } from '../nn/optimizers.ts';
import type { Results } from '../plan/gpu.ts';
import type { Task } from './modelFile.ts';

/** What a captured function computes from its inputs. */
export type Program<R extends Results = Results> = (...inputs: Tensor[]) => R;

/** The losses of a batch, by name. */
function lossesOf(task: Task, model: RetinaNet | UNet, inputs: readonly Tensor[]): Record<string, Tensor> {
  if (task === 'segment') return (model as UNet).losses(inputs[0]!, inputs[1]!);
  const [images, boxes, labels, counts] = inputs as [Tensor, Tensor, Tensor, Tensor];
  return (model as RetinaNet).losses(images, { boxes, labels, counts });
}

/** One step of a training: the losses, and the norm of their gradients last. A ReLU can hide a NaN from the losses. */
export const trainingStep =
  (task: Task, model: RetinaNet | UNet, optimizer: AdamW): Program<{ losses: Tensor }> =>
  (...inputs) => {
    const parts = Object.values(lossesOf(task, model, inputs));
    backward(parts.reduce((a, b) => add(a, b)));
    const { gradNorm } = optimizer.step();
    return {
      losses: concat(
        [...parts, gradNorm].map((value) => value.reshape([1])),
        0,
      ),
    };
  };

/** From pictures to boxes. */
export const detection =
  (model: RetinaNet, options: DetectOptions): Program =>
  (images) =>
    model.detect(images!, options);

/** From pictures to the class of every pixel. */
export const segmentation =
  (model: UNet): Program<{ labels: Tensor }> =>
  (images) => ({ labels: argmax(model.forward(images!), -1) });
