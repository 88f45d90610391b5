import { ShapeError } from '../../errors.ts';
import { expectDType, expectNumber, expectShape, formatSpec, numel, sameShape } from '../../shape.ts';
import boxClusterLib from '../../wgsl/boxes/lib/box_cluster.wgsl';
import boxIouLib from '../../wgsl/boxes/lib/box_iou.wgsl';
import fuseShader from '../../wgsl/boxes/weighted_box_fusion.wgsl';
import keysShader from '../../wgsl/boxes/weighted_box_fusion_keys.wgsl';
import storeShader from '../../wgsl/boxes/weighted_box_fusion_store.wgsl';
import sortKey from '../../wgsl/lib/sort_key.wgsl';
import { type Dispatch, defineKernel, type Given, wgslType } from '../kernel.ts';
import { orderByMerging } from '../sort/mergeOrder.ts';

/** Attributes of `weightedBoxFusion`. */
export interface WeightedBoxFusionAttrs {
  /** How many models, or views of an image, the boxes come from. */
  readonly models: number;
  /** A box joins a cluster where their IoU is over this; default 0.55. */
  readonly iouThreshold: number;
  /** Only boxes with a greater score take part; default 0. */
  readonly scoreThreshold: number;
  /** The score of a fused box: from the mean of its members' scores (the default), or their maximum. */
  readonly confType: 'avg' | 'max';
  /** How many fused boxes are returned, at most; default: as many as there are boxes. */
  readonly maxDetections?: number;
}

/** Bytes of a `Cluster` in box_cluster.wgsl. */
const CLUSTER = 48;

/**
 * Weighted box fusion, for each image of a batch (Solovyev et al. 2021, Weighted boxes fusion, §3; as the authors'
 * ensemble-boxes computes it): boxes are taken by falling score, equal scores by index. A box joins, of the clusters of its
 * label, the one whose fused box it has the greatest IoU with (the first of equals) where that is over iouThreshold, and
 * else begins a cluster. A fused box is the mean of its members, weighted by their scores, and moves with each that joins.
 * Its score is, of n members:
 *
 *     avg: (the mean of their scores) min(n, models) / models     max: the greatest of their scores
 *
 * boxes: [N,R,4] as (x1, y1, x2, y2), scores: [N,R], labels: i32 [N,R], count: i32 [N], the boxes that count (default: all)
 * -> fusedBoxes: [N,D,4], fusedScores: [N,D], fusedLabels: i32 [N,D], best first, equal scores by the first that began; zeros
 * from fusedCount, i32 [N], on. D is maxDetections. Boxes without area or with a corner that is NaN or infinite, and scores
 * that are not positive and finite, take no part. Computes in f32; the time grows with R times the clusters.
 */
export const weightedBoxFusion = defineKernel({
  name: 'weighted_box_fusion',
  inputs: ['boxes', 'scores', 'labels'],
  optional: ['count'],
  outputs: ['fusedBoxes', 'fusedScores', 'fusedLabels', 'fusedCount'],
  attributes: ({
    models,
    iouThreshold = 0.55,
    scoreThreshold = 0,
    confType = 'avg',
    maxDetections,
  }: Given<WeightedBoxFusionAttrs, 'models'>): WeightedBoxFusionAttrs => ({
    models,
    iouThreshold,
    scoreThreshold,
    confType,
    maxDetections,
  }),
  infer({ boxes, scores, labels, count }, attrs: WeightedBoxFusionAttrs) {
    const op = 'weighted_box_fusion';
    expectDType(op, 'boxes', boxes, 'f32', 'f16');
    expectDType(op, 'scores', scores, boxes.dtype);
    expectDType(op, 'labels', labels, 'i32');
    if (count) expectDType(op, 'count', count, 'i32');
    const [N = 0, R = 0] = boxes.shape;
    const alike = [scores, labels].every(({ shape }) => sameShape(shape, [N, R]));
    if (!sameShape(boxes.shape, [N, R, 4]) || !alike || !sameShape(count?.shape ?? [N], [N])) {
      throw new ShapeError(
        `${op}: boxes must be [N,R,4], scores and labels [N,R], count [N], got ${formatSpec('boxes', boxes)}, ${formatSpec('scores', scores)}, ${formatSpec('labels', labels)}${count ? `, ${formatSpec('count', count)}` : ''}`,
      );
    }
    const { models, iouThreshold, scoreThreshold, confType, maxDetections = R } = attrs;
    if (!Number.isInteger(models) || models < 1) {
      throw new ShapeError(`${op}: models must be a whole number of 1 or more, got ${models}`);
    }
    expectNumber(op, 'iouThreshold', iouThreshold, 0);
    expectNumber(op, 'scoreThreshold', scoreThreshold, 0);
    if (confType !== 'avg' && confType !== 'max') {
      throw new ShapeError(`${op}: confType must be avg or max, got ${confType}`);
    }
    const shape = [N, maxDetections];
    expectShape(`${op}: fusedScores [N,maxDetections]`, shape);
    return {
      fusedBoxes: { shape: [...shape, 4], dtype: boxes.dtype },
      fusedScores: { shape, dtype: boxes.dtype },
      fusedLabels: { shape, dtype: 'i32' },
      fusedCount: { shape: [N], dtype: 'i32' },
    };
  },
  dispatches(caps, { boxes, count }, { fusedScores }, attrs) {
    const [N = 0, R = 0] = boxes.shape;
    const { models, iouThreshold, scoreThreshold, confType } = attrs;
    const [total, most] = [numel(fusedScores.shape), fusedScores.shape[1]!];
    const types = { T: wgslType(boxes.dtype) };
    const order = orderByMerging(N, R);
    const dispatches: Dispatch[] = [
      {
        shader: keysShader,
        snippets: [sortKey],
        types,
        constants: { COUNTED: count !== undefined },
        params: { total: N * R, boxes: R, threshold: scoreThreshold },
        // Without a count nothing is read there.
        bind: { count: count ? 'count' : 'labels' },
        grid: N * R,
      },
      ...order.dispatches,
      {
        shader: fuseShader,
        snippets: [sortKey, boxIouLib, boxClusterLib],
        types,
        constants: { LANES: caps.family === 'tile' ? 256 : 32, MAXIMUM: confType === 'max' },
        params: { boxes: R, images: N, most, models, threshold: iouThreshold },
        bind: { fused_count: 'fusedCount' },
        grid: [1, Math.min(N, 65535), Math.ceil(N / 65535)],
      },
      // The clusters by falling score: their keys have taken the place of the boxes'.
      ...order.dispatches,
      {
        shader: storeShader,
        snippets: [boxClusterLib],
        types,
        params: { total, boxes: R, most },
        bind: {
          fused_count: 'fusedCount',
          fused_boxes: 'fusedBoxes',
          fused_scores: 'fusedScores',
          fused_labels: 'fusedLabels',
        },
        grid: total,
      },
    ];
    return {
      dispatches,
      // One cluster at least, which the shader's binding must hold.
      scratch: { ...order.scratch, flags: N * R * 4, clusters: Math.max(N * R, 1) * CLUSTER },
    };
  },
});
