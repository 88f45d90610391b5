import { batchedNms, clipBoxesToImage } from '../graph/functions/boxes.ts';
import { div, minimum, remainder } from '../graph/functions/elementwise.ts';
import { concat, gatherRows } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Detections, type ImageBatch, limitsOf, toImages } from './detection.ts';
import { bestOfLevels } from './pyramidLevels.ts';

/** The thresholds of a detector without proposals. */
export interface DenseThresholds {
  readonly scoreThreshold: number;
  readonly iouThreshold: number;
  readonly maxDetections: number;
}

/** What a detector predicts at the A anchors of all levels of its pyramid. */
export interface DensePredictions {
  /** f32 [N,A,K] in 0..1. */
  readonly scores: Tensor;
  /** The number of anchors of each level; they follow one another. */
  readonly levels: readonly number[];
  /** The boxes f32 [N,C,4] of some anchors i32 [N,C] of each image, in pixels of the network's input. */
  boxesOf(anchors: Tensor): Tensor;
}

/** The best of all levels: the `candidates` best scores of each level, then NMS per class. Boxes are in pixels of the given images. */
export function detectDense(
  { scores, levels, boxesOf }: DensePredictions,
  batch: ImageBatch,
  { candidates, ...thresholds }: DenseThresholds & { readonly candidates: number },
): Detections {
  const [N, A, K] = scores.shape as [number, number, number];
  const counts = levels.map((anchors) => anchors * K);
  const best = bestOfLevels(scores.reshape([N, A * K]), counts, candidates);
  const indices = concat(
    best.map((level) => level.indices),
    1,
  );
  return keepBest(
    {
      boxes: boxesOf(div(indices, K)),
      scores: concat(
        best.map((level) => level.values),
        1,
      ),
      labels: remainder(indices, K),
    },
    batch,
    thresholds,
  );
}

/** Of candidates with their boxes [N,C,4] in pixels of the network's input, what NMS per class keeps. */
export function keepBest(
  {
    boxes: found,
    scores,
    labels,
  }: { readonly boxes: Tensor; readonly scores: Tensor; readonly labels: Tensor },
  batch: ImageBatch,
  { scoreThreshold, iouThreshold, maxDetections }: DenseThresholds,
): Detections {
  const size = [batch.images.shape[1]!, batch.images.shape[2]!] as const;
  const boxes = minimum(clipBoxesToImage(found, size), limitsOf(batch.sizes));
  const most = Math.min(maxDetections, scores.shape[1]!);
  const kept = batchedNms(boxes, scores, labels, { iouThreshold, scoreThreshold, maxDetections: most });
  return {
    boxes: toImages(gatherRows(boxes, kept.indices, 1), batch),
    scores: gatherRows(scores, kept.indices, 1),
    labels: gatherRows(labels, kept.indices, 1),
    count: kept.count,
  };
}
