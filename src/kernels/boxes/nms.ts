import { ShapeError } from '../../errors.ts';
import { expectDType, expectShape, formatSpec, sameShape } from '../../shape.ts';
import { defineKernel } from '../kernel.ts';
import type { NmsAttrs } from './nmsProblem.ts';
import { nmsBlocks } from './strategies/nmsBlocks.ts';

export type { NmsAttrs };

/**
 * Greedy non-maximum suppression, for each image of a batch (torchvision's nms; with labels its batched_nms:
 * boxes of different labels never remove each other). Boxes are taken by falling score, equal scores by
 * index; a box stays unless its IoU with one that stayed is over iouThreshold. As in torchvision a score that
 * is NaN comes first (it passes no scoreThreshold), and empty boxes and those with a corner that is NaN or
 * infinite overlap nothing.
 *
 * boxes: [B, R, 4] as (x1, y1, x2, y2), scores: [B, R], labels: i32 [B, R] -> indices: i32
 * [B, maxDetections], the boxes that stayed by falling score, then -1; count: i32 [B]. R may be 0 (count 0),
 * and 100,000: memory grows with R, the time with R times the boxes that stay.
 */
export const nms = defineKernel({
  name: 'nms',
  inputs: ['boxes', 'scores'],
  optional: ['labels'],
  outputs: ['indices', 'count'],
  attributes: ['iouThreshold', 'scoreThreshold', 'maxDetections'],
  infer({ boxes, scores, labels }, attrs: NmsAttrs) {
    expectDType('nms', 'boxes', boxes, 'f32', 'f16');
    expectDType('nms', 'scores', scores, boxes.dtype);
    if (labels) expectDType('nms', 'labels', labels, 'i32');
    const [B = 0, R = 0] = boxes.shape;
    const alike = [scores, labels ?? scores].every(({ shape }) => sameShape(shape, [B, R]));
    if (!sameShape(boxes.shape, [B, R, 4]) || !alike) {
      throw new ShapeError(
        `nms: boxes must be [B,R,4], scores and labels [B,R], got ${formatSpec('boxes', boxes)}, ${formatSpec('scores', scores)}${labels ? `, ${formatSpec('labels', labels)}` : ''}; add a batch dim of 1 for one image`,
      );
    }
    const { iouThreshold, scoreThreshold, maxDetections = R } = attrs;
    if (!(iouThreshold >= 0) || Number.isNaN(scoreThreshold)) {
      throw new ShapeError(
        `nms: iouThreshold must be 0 or more, scoreThreshold a number, got ${iouThreshold}, ${scoreThreshold}`,
      );
    }
    const shape = [B, maxDetections];
    expectShape('nms: indices [B,maxDetections]', shape);
    return {
      indices: { shape, dtype: 'i32' },
      count: { shape: [B], dtype: 'i32' },
    };
  },
  dispatches: nmsBlocks,
});
