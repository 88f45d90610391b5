import { DeviceLimitError, ShapeError } from '../errors.ts';
import { expectDType, formatSpec, sameShape } from '../shape.ts';
import nmsLabels from '../wgsl/lib/nms_labels.wgsl';
import nmsLabelsNone from '../wgsl/lib/nms_labels_none.wgsl';
import nmsScore from '../wgsl/lib/nms_score.wgsl';
import sortKey from '../wgsl/lib/sort_key.wgsl';
import nmsGatherShader from '../wgsl/nms_gather.wgsl';
import nmsKeysShader from '../wgsl/nms_keys.wgsl';
import nmsMaskShader from '../wgsl/nms_mask.wgsl';
import nmsScanShader from '../wgsl/nms_scan.wgsl';
import { expectBoxes } from './boxIou.ts';
import { defineKernel, wgslType } from './kernel.ts';
import { orderByKeys } from './sort.ts';

export interface NmsAttrs {
  /** A box is removed where its IoU with a kept box of greater score is over this. */
  readonly iouThreshold: number;
  /** Only boxes with a greater score take part; default: all. */
  readonly scoreThreshold?: number;
  /** The length of `indices`; default: the number of boxes. */
  readonly maxDetections?: number;
}

/** The set of removed boxes lives in workgroup memory: 4,000 words of the 16 KiB that every device has. */
const MAX_WORDS = 4000;

/**
 * Greedy non-maximum suppression, for each image of a batch (torchvision's nms; with labels its batched_nms:
 * boxes of different labels never remove each other). Boxes are taken by falling score, equal scores by
 * index; a box stays unless its IoU with one that stayed is over iouThreshold. A score that is NaN never
 * takes part (torchvision would put it first). Empty boxes overlap nothing.
 *
 * boxes: [B, R, 4] as (x1, y1, x2, y2), scores: [B, R], labels: i32 [B, R] -> indices: i32
 * [B, maxDetections], the boxes that stayed by falling score, then -1; count: i32 [B]. Throws
 * DeviceLimitError where the R * R / 8 bytes of an image's suppression bits do not fit the device.
 */
export const nms = defineKernel({
  name: 'nms',
  inputs: ['boxes', 'scores'],
  optional: ['labels'],
  outputs: ['indices', 'count'],
  infer({ boxes, scores, labels }, attrs: NmsAttrs) {
    expectBoxes('nms', 'boxes', boxes, 2);
    const [batch, count] = boxes.shape;
    if (
      boxes.shape.length !== 3 ||
      !sameShape(scores.shape, [batch!, count!]) ||
      scores.dtype !== boxes.dtype
    ) {
      throw new ShapeError(
        `nms: boxes must be [B,R,4] with scores [B,R] of one dtype, got ${formatSpec('boxes', boxes)}, ${formatSpec('scores', scores)}; add a batch dim of 1 for one image`,
      );
    }
    if (labels) {
      expectDType('nms', 'labels', labels, 'i32');
      if (!sameShape(labels.shape, scores.shape)) {
        throw new ShapeError(
          `nms: labels must be like scores, got ${formatSpec('labels', labels)}, ${formatSpec('scores', scores)}`,
        );
      }
    }
    const { iouThreshold, scoreThreshold = 0, maxDetections = count! } = attrs;
    if (!(iouThreshold >= 0)) {
      throw new ShapeError(`nms: iouThreshold must be 0 or more, got ${iouThreshold}`);
    }
    if (Number.isNaN(scoreThreshold)) throw new ShapeError('nms: scoreThreshold is NaN; pass a number');
    if (!Number.isInteger(maxDetections) || maxDetections < 0) {
      throw new ShapeError(`nms: maxDetections must be an integer of 0 or more, got ${maxDetections}`);
    }
    return {
      indices: { shape: [batch!, maxDetections], dtype: 'i32' },
      count: { shape: [batch!], dtype: 'i32' },
    };
  },
  dispatches(caps, { boxes, labels }, { indices }, attrs) {
    const [B, R] = [boxes.shape[0]!, boxes.shape[1]!];
    const words = Math.ceil(R / 32);
    const bytes = B * R * words * 4;
    if (bytes > caps.maxBindingSize || words > MAX_WORDS || B > 65535) {
      const fits = Math.min(MAX_WORDS * 32, Math.floor(Math.sqrt((caps.maxBindingSize * 8) / B) / 32) * 32);
      throw new DeviceLimitError(
        `nms: the suppression bits of ${B} x ${R} boxes take ${bytes} bytes, the device binds at most ${caps.maxBindingSize}; at most ${fits} boxes in each of ${Math.min(B, 65535)} images fit: take the best with topk first`,
      );
    }
    const { iouThreshold, scoreThreshold = Number.NEGATIVE_INFINITY } = attrs;
    const limited = scoreThreshold > Number.NEGATIVE_INFINITY;
    const score = { threshold: limited ? scoreThreshold : 0, limited: Number(limited) };
    const types = { T: wgslType(boxes.dtype) };
    const order = orderByKeys(B, R);
    return {
      dispatches: [
        {
          shader: nmsKeysShader,
          snippets: [sortKey, nmsScore],
          types,
          params: { total: B * R, ...score },
          grid: B * R,
        },
        ...order.dispatches,
        {
          shader: nmsGatherShader,
          snippets: [nmsScore, labels ? nmsLabels : nmsLabelsNone],
          types,
          params: { total: B * R, boxes: R, ...score },
          grid: B * R,
        },
        {
          shader: nmsMaskShader,
          params: { boxes: R, words, threshold: iouThreshold },
          grid: [Math.ceil(R / 256), words, B],
        },
        {
          shader: nmsScanShader,
          // Few sizes, so that the number of boxes does not multiply pipelines.
          constants: { LANES: caps.family === 'tile' ? 256 : 64, WORDS: words <= 250 ? 250 : MAX_WORDS },
          params: { boxes: R, words, most: indices.shape[1]! },
          grid: [B, 1, 1],
        },
      ],
      scratch: {
        ...order.scratch,
        sorted: B * R * 16,
        sorted_labels: B * R * 4,
        candidates: B * 4,
        mask: bytes,
      },
    };
  },
});
