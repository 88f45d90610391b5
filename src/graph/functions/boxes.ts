import { ShapeError } from '../../errors.ts';
import type { WeightedBoxFusionAttrs } from '../../kernels/boxes/weightedBoxFusion.ts';
import type { Given } from '../../kernels/kernel.ts';
import type { PanopticMergeAttrs } from '../../kernels/roi/panopticMerge.ts';
import type { RoiAlignAttrs } from '../../kernels/roi/roiAlign.ts';
import type { RoiPoolAttrs } from '../../kernels/roi/roiPool.ts';
import { objectOf } from '../../options.ts';
import { expectNumber, formatShape, pair } from '../../shape.ts';
import { optionsOf } from '../functionOptions.ts';
import * as boxesOps from '../operations/boxes.ts';
import { inF32 } from '../operations/broadcast.ts';
import * as roiOps from '../operations/roi.ts';
import { apply, expectTensors, Tensor, tensor } from '../tensor.ts';
import { add, affine, maximum, minimum, sub } from './elementwise.ts';
import { cast, concat, slice } from './shape.ts';

/** Intersection over union of every box of a […,N,4] with every box of b […,M,4]: […,N,M]. 0 for empty unions. */
export const boxIou = (a: Tensor, b: Tensor): Tensor => apply(boxesOps.boxIou, { a, b }).y;

/** IoU less the share of the hull that neither box covers (Rezatofighi et al. 2019). */
export const generalizedBoxIou = (a: Tensor, b: Tensor): Tensor =>
  apply(boxesOps.generalizedBoxIou, { a, b }).y;

/** Options of `boxEncode` and `boxDecode`. */
export interface BoxCoderOptions {
  /** Factors of dx, dy, dw and dh: encoding multiplies by them, decoding divides. Default [1, 1, 1, 1]. */
  readonly weights?: readonly [number, number, number, number];
}

/** Boxes […,4] as offsets from anchors: (dx, dy) in anchor sizes, (dw, dh) as logarithms (Ren et al. 2015, §3.1.2). */
export const boxEncode = (boxes: Tensor, anchors: Tensor, options: BoxCoderOptions = {}): Tensor =>
  apply(boxesOps.boxEncode, { boxes, anchors }, options).deltas;

/** The inverse of boxEncode; dw and dh are limited to log(1000 / 16). */
export const boxDecode = (deltas: Tensor, anchors: Tensor, options: BoxCoderOptions = {}): Tensor =>
  apply(boxesOps.boxDecode, { deltas, anchors }, options).boxes;

/** Options of `matchAnchors`. */
export interface MatchOptions {
  /** The IoU from which an anchor is matched. Default 0.5. */
  readonly highThreshold?: number;
  /** The IoU below which an anchor is background. Default 0.4. */
  readonly lowThreshold?: number;
  /** Whether each box also claims the anchors that reach its best IoU. Default true. */
  readonly allowLowQuality?: boolean;
}

/** Matches anchors with boxes: for each anchor the index of its box, -1 for background, -2 for neither. See `matchAnchors` in fovea/kernels. */
export const matchAnchors = (
  anchors: Tensor,
  boxes: Tensor,
  count: Tensor,
  options: MatchOptions = {},
): Tensor => {
  const defaults = { highThreshold: 0.5, lowThreshold: 0.4, allowLowQuality: true };
  const attrs = optionsOf('match_anchors', options, defaults);
  return apply(boxesOps.matchAnchors, { anchors, boxes, count }, attrs).matches;
};

/** Options of `nms` and `batchedNms`. */
export interface NmsOptions {
  /** The IoU with a kept box above which a box is dropped, 0 to 1. */
  readonly iouThreshold: number;
  /** Boxes that score no more than this take no part. */
  readonly scoreThreshold?: number;
  /** How many survivors are returned, at most. Default: as many as there are boxes. */
  readonly maxDetections?: number;
}

/** Boxes that non-maximum suppression keeps. */
export interface Kept {
  /** Indices into the boxes, best score first: i32 [D] or [B,D], padded with -1. */
  readonly indices: Tensor;
  /** How many indices there are: i32 [1] or [B]. */
  readonly count: Tensor;
}

function suppress(boxes: Tensor, scores: Tensor, labels: Tensor | undefined, options: NmsOptions): Kept {
  if (boxes.shape.length === 3) return apply(boxesOps.nms, { boxes, scores, labels }, options);
  const one = (value: Tensor) => value.reshape([1, ...value.shape]);
  const inputs = { boxes: one(boxes), scores: one(scores), labels: labels && one(labels) };
  const { indices, count } = apply(boxesOps.nms, inputs, options);
  return { indices: indices.reshape([-1]), count };
}

/**
 * Non-maximum suppression: keeps the boxes with the best scores, and drops each box that overlaps a kept one by more than
 * `iouThreshold`. Of equal scores the first box wins.
 *
 * @param boxes [R,4] or [B,R,4], xyxy.
 * @param scores [R] or [B,R].
 * @throws ShapeError where shapes or thresholds do not fit.
 */
export const nms = (boxes: Tensor, scores: Tensor, options: NmsOptions): Kept => {
  expectTensors('nms', { boxes, scores });
  return suppress(boxes, scores, undefined, options);
};

/**
 * `nms` for each label by itself: boxes of different labels never suppress each other.
 *
 * @param labels i32 [R] or [B,R].
 */
export const batchedNms = (boxes: Tensor, scores: Tensor, labels: Tensor, options: NmsOptions): Kept => {
  expectTensors('batched_nms', { boxes, scores, labels });
  return suppress(boxes, scores, labels, options);
};

/** Boxes of one image each, best first; entries from count on are zeros. */
export interface FusedBoxes {
  /** [N,D,4]. */
  readonly boxes: Tensor;
  /** [N,D]. */
  readonly scores: Tensor;
  /** i32 [N,D]. */
  readonly labels: Tensor;
  /** i32 [N]. */
  readonly count: Tensor;
}

/** Options of `weightedBoxFusion`. */
export interface WeightedBoxFusionOptions extends Given<WeightedBoxFusionAttrs, 'models'> {
  /** How many boxes of each image are taken, from the first on: i32 [N]. Default: all R. */
  readonly count?: Tensor;
}

/**
 * Weighted box fusion (Solovyev et al. 2021): boxes of one object become their mean, weighted by their scores. boxes:
 * [N,R,4], scores: [N,R], labels: i32 [N,R]. See
 * `weightedBoxFusion` in fovea/kernels.
 */
export function weightedBoxFusion(
  boxes: Tensor,
  scores: Tensor,
  labels: Tensor,
  options: WeightedBoxFusionOptions,
): FusedBoxes {
  const { count, ...others } = objectOf('weighted_box_fusion', options, ShapeError);
  const fused = apply(boxesOps.weightedBoxFusion, { boxes, scores, labels, count }, others);
  return {
    boxes: fused.fusedBoxes,
    scores: fused.fusedScores,
    labels: fused.fusedLabels,
    count: fused.fusedCount,
  };
}

/** RoIAlign (He et al. 2017, Mask R-CNN, §3). x: [N,H,W,C]; rois: [R,5] as (batch, x1, y1, x2, y2). */
export const roiAlign = (x: Tensor, rois: Tensor, options: Given<RoiAlignAttrs, 'outputSize'>): Tensor => {
  expectTensors('roi_align', { x, rois });
  return apply(roiOps.roiAlign, { x, rois: inF32(rois) }, options).y;
};

/** RoI max pooling (Girshick 2015, Fast R-CNN, §2.1). x: [N,H,W,C]; rois: [R,5]. */
export const roiPool = (x: Tensor, rois: Tensor, options: Given<RoiPoolAttrs, 'outputSize'>): Tensor => {
  expectTensors('roi_pool', { x, rois });
  return apply(roiOps.roiPool, { x, rois: inF32(rois) }, options).y;
};

/**
 * Masks [R,M,M] of boxes [R,4] (xyxy, pixels) as masks of an image: [R,H,W]. As torchvision's paste_masks_in_image with
 * padding 1; see `pasteMasks` in fovea/kernels.
 */
export const pasteMasks = (masks: Tensor, boxes: Tensor, size: readonly [number, number]): Tensor => {
  expectTensors('paste_masks', { masks, boxes });
  return apply(roiOps.pasteMasks, { masks, boxes: inF32(boxes) }, { size }).y;
};

/**
 * Keypoints from heatmaps [R,M,M,K] of boxes [R,4] (xyxy, pixels): [R,K,3], x and y in pixels and the value there, the largest
 * one of the heatmap resized to its box. As torchvision's heatmaps_to_keypoints; see `heatmapsToKeypoints` in fovea/kernels.
 */
export const heatmapsToKeypoints = (maps: Tensor, boxes: Tensor): Tensor => {
  expectTensors('heatmaps_to_keypoints', { maps, boxes });
  return apply(roiOps.heatmapsToKeypoints, { maps: inF32(maps), boxes: inF32(boxes) }).y;
};

/** Instances of a batch of images, best first. */
export interface Instances {
  /** Soft masks in 0..1, each in its box: [N,D,M,M]. */
  readonly masks: Tensor;
  /** [N,D,4], xyxy, in pixels. */
  readonly boxes: Tensor;
  /** How many instances of each image are valid: i32 [N]. */
  readonly count: Tensor;
}

/**
 * Merges instances and a semantic map into one panoptic map of segments; see `panopticMerge` in fovea/kernels.
 *
 * @param semantic The class of each pixel: i32 [N,H,W].
 */
export const panopticMerge = (
  instances: Instances,
  semantic: Tensor,
  options: Given<PanopticMergeAttrs, 'numStuff'>,
): { readonly ids: Tensor; readonly sources: Tensor; readonly segments: Tensor } => {
  const { masks, boxes, count } = objectOf('panoptic_merge', instances, ShapeError);
  expectTensors('panoptic_merge', { masks, boxes, count, semantic });
  return apply(roiOps.panopticMerge, { masks, boxes: inF32(boxes), count, semantic }, options);
};

/** Box formats: corners; corner and size; centre and size. */
export type BoxFormat = 'xyxy' | 'xywh' | 'cxcywh';
const BOX_FORMATS: readonly BoxFormat[] = ['xyxy', 'xywh', 'cxcywh'];

/** Boxes […,4] from one format to another. */
export function boxConvert(x: Tensor, inFmt: BoxFormat, outFmt: BoxFormat): Tensor {
  expectTensors('box_convert', { x });
  if (x.shape.at(-1) !== 4) throw new ShapeError(`box_convert: x ${formatShape(x.shape)} must end in 4`);
  for (const format of [inFmt, outFmt]) {
    if (!BOX_FORMATS.includes(format)) {
      throw new ShapeError(`box_convert: no format "${format}"; choose ${BOX_FORMATS.join(', ')}`);
    }
  }
  if (inFmt === outFmt) return x;
  const lead = x.shape.slice(0, -1).map(() => [] as const);
  const first = slice(x, [...lead, [0, 2]]);
  const second = slice(x, [...lead, [2, 4]]);
  const half = (t: Tensor) => affine(t, 0.5);
  const [from, to] =
    inFmt === 'xyxy'
      ? [first, second]
      : inFmt === 'xywh'
        ? [first, add(first, second)]
        : [sub(first, half(second)), add(first, half(second))];
  const size = inFmt === 'xyxy' ? sub(second, first) : second;
  const parts = {
    xyxy: () => [from, to],
    xywh: () => [from, size],
    cxcywh: () => [inFmt === 'cxcywh' ? first : half(add(from, to)), size],
  }[outFmt]();
  return concat(parts, -1);
}

/** Boxes […,4] (xyxy) moved inside an image of (height, width); the size may be a tensor [4] of (w, h, w, h). */
export function clipBoxesToImage(x: Tensor, size: readonly [number, number] | Tensor): Tensor {
  expectTensors('clip_boxes_to_image', { x });
  if (x.shape.at(-1) !== 4) {
    throw new ShapeError(`clip_boxes_to_image: x ${formatShape(x.shape)} must end in 4`);
  }
  if (!(size instanceof Tensor))
    for (const side of pair(size)) expectNumber('clip_boxes_to_image', 'size', side, 0);
  const limits = size instanceof Tensor ? size : tensor([size[1], size[0], size[1], size[0]]);
  return minimum(maximum(x, 0), cast(limits, x.dtype));
}
