import { batchedNms, clipBoxesToImage } from '../graph/functions/boxes.ts';
import { div, minimum, remainder } from '../graph/functions/elementwise.ts';
import { topk } from '../graph/functions/reduce.ts';
import { concat, gatherRows } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Detections, type ImageBatch, limitsOf, toImages } from './detection.ts';

/** The thresholds of a detector without proposals. */
export interface DenseThresholds {
  readonly scoreThreshold: number;
  readonly iouThreshold: number;
  readonly maxDetections: number;
}

/** What one level of a pyramid predicts at its A anchors. */
export interface LevelPredictions {
  /** f32 [N,A,K] in 0..1. */
  readonly scores: Tensor;
  /** The boxes f32 [N,C,4] of some anchors i32 [N,C] of each image, in pixels of the network's input. */
  boxesOf(anchors: Tensor): Tensor;
}

/** Joins what levels have at their anchors [N,A,…]. */
export const joinAnchors = (parts: readonly Tensor[]): Tensor => concat(parts, 1);

/** The best of all levels: the `candidates` best scores of each level, then NMS per class. Boxes are in pixels of the given images. */
export function detectDense(
  levels: readonly LevelPredictions[],
  batch: ImageBatch,
  { candidates, ...thresholds }: DenseThresholds & { readonly candidates: number },
): Detections {
  const best = levels.map(({ scores, boxesOf }) => {
    const [N, A, K] = scores.shape as [number, number, number];
    const { values, indices } = topk(scores.reshape([N, A * K]), Math.min(candidates, A * K));
    return { scores: values, labels: remainder(indices, K), boxes: boxesOf(div(indices, K)) };
  });
  return keepBest(
    {
      boxes: joinAnchors(best.map(({ boxes }) => boxes)),
      scores: joinAnchors(best.map(({ scores }) => scores)),
      labels: joinAnchors(best.map(({ labels }) => labels)),
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
