import type { Caps } from '../device/caps.ts';
import { ShapeError } from '../errors.ts';
import { expectDType, formatSpec, sameShape } from '../shape.ts';
import nmsLabels from '../wgsl/lib/nms_labels.wgsl';
import nmsLabelsNone from '../wgsl/lib/nms_labels_none.wgsl';
import nmsOverlap from '../wgsl/lib/nms_overlap.wgsl';
import nmsProgress from '../wgsl/lib/nms_progress.wgsl';
import nmsScore from '../wgsl/lib/nms_score.wgsl';
import sortKey from '../wgsl/lib/sort_key.wgsl';
import nmsGatherShader from '../wgsl/nms_gather.wgsl';
import nmsKeysShader from '../wgsl/nms_keys.wgsl';
import nmsMaskShader from '../wgsl/nms_mask.wgsl';
import nmsRemoveShader from '../wgsl/nms_remove.wgsl';
import nmsScanShader from '../wgsl/nms_scan.wgsl';
import { expectBoxes } from './boxIou.ts';
import { type Dispatch, defineKernel, type KernelPlan, wgslType } from './kernel.ts';
import { orderByKeys } from './sort.ts';

export interface NmsAttrs {
  /** A box is removed where its IoU with a kept box of greater score is over this. */
  readonly iouThreshold: number;
  /** Only boxes with a greater score take part; default: all. */
  readonly scoreThreshold?: number;
  /** The length of `indices`; default: the number of boxes. */
  readonly maxDetections?: number;
}

/**
 * Boxes that are compared all with all at a time. Larger blocks take fewer dispatches, and more memory and
 * comparisons (lavapipe, 10,000 boxes: 2,048 40 ms, 4,096 44, 8,192 46, one block for all 55).
 */
const BLOCK = 2048;

/**
 * Walks the boxes that lie in scratch `sorted` in blocks: finds who in a block removes whom, decides who
 * stays, then flags the boxes after the block that those remove.
 */
function suppress(
  caps: Caps,
  B: number,
  R: number,
  most: number,
  threshold: number,
): Required<Pick<KernelPlan, 'dispatches' | 'scratch'>> {
  const block = Math.min(R, BLOCK);
  const words = Math.ceil(block / 32);
  const bytes = block * words * 4;
  // As many images at a time as one binding and one grid hold; they share the scratch memory.
  const images = Math.max(1, Math.min(B, 65535, Math.floor(caps.maxBindingSize / Math.max(bytes, 1))));
  const dispatches: Dispatch[] = [];
  for (let image = 0; image < B; image += images) {
    const here = Math.min(images, B - image);
    // One block at least, of no box: the last block ends an image.
    for (let start = 0; start === 0 || start < R; start += BLOCK) {
      const place = { boxes: R, image, start, block };
      dispatches.push(
        {
          shader: nmsMaskShader,
          snippets: [nmsOverlap, nmsProgress],
          params: { ...place, words, most, threshold },
          grid: [Math.ceil(block / 256), words, here],
        },
        {
          shader: nmsScanShader,
          snippets: [nmsProgress],
          constants: { LANES: caps.family === 'tile' ? 256 : 64, WORDS: BLOCK / 32 },
          params: { ...place, words, most },
          grid: [here, 1, 1],
        },
        {
          shader: nmsRemoveShader,
          snippets: [nmsOverlap, nmsProgress],
          params: { ...place, most, threshold },
          grid: [Math.ceil(Math.max(R - start - block, 0) / 256), here, 1],
        },
      );
    }
  }
  const scratch = {
    progress: B * 12,
    mask: images * bytes,
    kept_boxes: images * block * 4,
    flags: B * R * 4,
  };
  return { dispatches, scratch };
}

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
    const { iouThreshold, scoreThreshold = Number.NEGATIVE_INFINITY } = attrs;
    const limited = scoreThreshold > Number.NEGATIVE_INFINITY;
    const score = { threshold: limited ? scoreThreshold : 0, limited: Number(limited) };
    const types = { T: wgslType(boxes.dtype) };
    const order = orderByKeys(B, R);
    const suppression = suppress(caps, B, R, indices.shape[1]!, iouThreshold);
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
          snippets: [nmsProgress, nmsScore, labels ? nmsLabels : nmsLabelsNone],
          types,
          params: { total: B * R, boxes: R, ...score },
          grid: B * R,
        },
        ...suppression.dispatches,
      ],
      scratch: {
        ...order.scratch,
        sorted: B * R * 16,
        sorted_labels: B * R * 4,
        ...suppression.scratch,
      },
    };
  },
});
