import { ShapeError } from '../../errors.ts';
import { expectDType, expectShape, formatSpec, sameShape } from '../../shape.ts';
import nmsFour from '../../wgsl/boxes/lib/nms_four.wgsl';
import nmsSides from '../../wgsl/boxes/lib/nms_sides.wgsl';
import nmsKeysShader from '../../wgsl/boxes/nms_keys.wgsl';
import nmsRemoveShader from '../../wgsl/boxes/nms_remove.wgsl';
import nmsSelectShader from '../../wgsl/boxes/nms_select.wgsl';
import sortKey from '../../wgsl/lib/sort_key.wgsl';
import { type Dispatch, defineKernel, wgslType } from '../kernel.ts';
import { orderByMerging } from '../sort/mergeOrder.ts';

export interface NmsAttrs {
  /** A box is removed where its IoU with a kept box of greater score is over this. */
  readonly iouThreshold: number;
  /** Only boxes with a greater score take part; default: all. */
  readonly scoreThreshold?: number;
  /** The length of `indices`; default: the number of boxes. */
  readonly maxDetections?: number;
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
  dispatches(caps, { boxes, labels }, { indices }, attrs) {
    const [B = 0, R = 0] = boxes.shape;
    const { iouThreshold, scoreThreshold = Number.NEGATIVE_INFINITY } = attrs;
    const types = { T: wgslType(boxes.dtype) };
    const order = orderByMerging(B, R);
    const lanes = caps.family === 'tile' ? 256 : 32;
    const block = 4 * lanes;
    const shared = {
      snippets: [nmsSides, nmsFour],
      types,
      constants: { LANES: lanes, LABELLED: labels !== undefined },
      // Without labels nothing is read there.
      bind: { labels: labels ? 'labels' : 'order' },
    };
    const blocks: Dispatch[] = [];
    // One block at least, of no box: the last block ends an image.
    for (let start = 0; start === 0 || start < R; start += block) {
      const params = { boxes: R, images: B, start, most: indices.shape[1]!, threshold: iouThreshold };
      const grid = (groups: number) => [groups, Math.min(B, 65535), Math.ceil(B / 65535)] as const;
      const after = Math.ceil(Math.max(R - start - block, 0) / block);
      blocks.push(
        { shader: nmsSelectShader, ...shared, params, grid: grid(1) },
        { shader: nmsRemoveShader, ...shared, params, grid: grid(after) },
      );
    }
    return {
      dispatches: [
        {
          shader: nmsKeysShader,
          snippets: [sortKey],
          types,
          params: {
            total: B * R,
            threshold: scoreThreshold,
            limited: Number(scoreThreshold > Number.NEGATIVE_INFINITY),
          },
          grid: B * R,
        },
        ...order.dispatches,
        ...blocks,
      ],
      scratch: { ...order.scratch, flags: B * R * 4, before: B * 4 },
    };
  },
});
