import fc from 'fast-check';
import {
  boxes as boxesOf,
  distinct,
  type InputSpec,
  integers,
  normal,
  uniform,
} from '../../../src/verify/cases/case.ts';
import { patches } from '../../../src/verify/cases/panoptic.ts';
import { caseOf, channels, int, pairOf } from './common.ts';

/** Boxes on whole numbers, so that overlaps and their ties are exact in float32 as in float64; some are empty. */
const gridBoxes = (shape: readonly number[], extent: number): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) =>
    Array.from({ length: length / 4 }, () => {
      const [x, y] = [Math.floor(random() * extent), Math.floor(random() * extent)];
      return [x, y, x + Math.floor(random() * 6), y + Math.floor(random() * 6)];
    }).flat(),
});

/** Regions in quarter pixels: roi_pool rounds, and a quarter is never a rounding error from a half. */
const regions = (count: number, images: number, extent: number): InputSpec => ({
  shape: [count, 5],
  dtype: 'f32',
  fill: (random) =>
    Array.from({ length: count }, () => {
      const quarter = (most: number) => Math.floor(random() * most * 4) / 4 + 0.0625;
      const [x, y] = [quarter(extent * 1.4) - extent * 0.25, quarter(extent * 1.4) - extent * 0.25];
      return [Math.floor(random() * images), x, y, x + quarter(extent), y + quarter(extent)];
    }).flat(),
});

const region = fc.record({
  images: int(1, 2),
  size: pairOf(1, 10),
  c: channels,
  count: int(0, 7),
  outputSize: pairOf(1, 5),
  spatialScale: fc.constantFrom(1, 0.5, 0.25),
  samplingRatio: fc.constantFrom(-1, 0, 1, 2, 3),
  aligned: fc.boolean(),
});

const weights = fc.constantFrom([1, 1, 1, 1], [10, 10, 5, 5]);

export const boxes = {
  nms: caseOf(
    'nms',
    fc.record({
      images: int(1, 3),
      count: fc.oneof(int(0, 40), int(60, 300)),
      labels: fc.boolean(),
      iouThreshold: fc.constantFrom(0, 0.25, 0.5, 0.75, 1),
      scoreThreshold: fc.option(fc.constant(0.5), { nil: undefined }),
      maxDetections: fc.option(int(1, 50), { nil: undefined }),
    }),
    ({ images, count, labels, iouThreshold, scoreThreshold, maxDetections }) => ({
      inputs: {
        boxes: gridBoxes([images, count, 4], 24),
        scores: integers([images, count], -3, 20, 'f32'),
        ...(labels ? { labels: integers([images, count], 0, 3) } : {}),
      },
      attrs: {
        iouThreshold,
        ...(scoreThreshold === undefined ? {} : { scoreThreshold }),
        ...(maxDetections === undefined ? {} : { maxDetections }),
      },
    }),
  ),
  // Anywhere: a mean of boxes on whole numbers may meet another box at the threshold itself, and float32 decide otherwise.
  weighted_box_fusion: caseOf(
    'weighted_box_fusion',
    fc.record({
      images: int(0, 3),
      boxes: fc.oneof(int(0, 24), int(60, 100)),
      labels: int(1, 5),
      counted: fc.boolean(),
      models: int(1, 4),
      iouThreshold: fc.constantFrom(0, 0.3, 0.55, 0.8),
      scoreThreshold: fc.constantFrom(0, 0.2),
      confType: fc.constantFrom('avg', 'max'),
      maxDetections: fc.option(int(0, 30), { nil: undefined }),
    }),
    ({ images, boxes: count, labels, counted, maxDetections, ...attrs }) => ({
      inputs: {
        boxes: boxesOf([images, count, 4], 30),
        scores: uniform([images, count], 0.01, 1),
        labels: integers([images, count], 0, labels),
        ...(counted ? { count: integers([images], 0, count + 2) } : {}),
      },
      attrs: { ...attrs, ...(maxDetections === undefined ? {} : { maxDetections }) },
      atol: 1e-4,
    }),
  ),
  box_iou: caseOf('box_iou', fc.tuple(int(0, 9), int(0, 9), fc.boolean()), ([n, m, batched]) => {
    const lead = batched ? [2] : [];
    return { inputs: { a: gridBoxes([...lead, n, 4], 9), b: gridBoxes([...lead, m, 4], 9) } };
  }),
  generalized_box_iou: caseOf('generalized_box_iou', fc.tuple(int(0, 9), int(0, 9)), ([n, m]) => ({
    inputs: { a: gridBoxes([n, 4], 9), b: gridBoxes([m, 4], 9) },
  })),
  box_encode: caseOf(
    'box_encode',
    fc.tuple(int(0, 9), int(1, 3), fc.boolean(), weights),
    ([n, b, shared, w]) => ({
      inputs: { boxes: boxesOf([b, n, 4], 50), anchors: boxesOf(shared ? [n, 4] : [b, n, 4], 50) },
      attrs: { weights: w },
      atol: 1e-4,
    }),
  ),
  box_decode: caseOf(
    'box_decode',
    fc.tuple(int(0, 9), int(1, 3), fc.boolean(), weights),
    ([n, b, shared, w]) => ({
      inputs: { deltas: normal([b, n, 4]), anchors: boxesOf(shared ? [n, 4] : [b, n, 4], 50) },
      attrs: { weights: w },
      grad: ['deltas'],
      atol: 1e-3,
    }),
  ),
  match_anchors: caseOf(
    'match_anchors',
    fc.record({
      anchors: int(1, 80),
      images: int(1, 3),
      most: int(0, 6),
      perImage: fc.boolean(),
      allowLowQuality: fc.boolean(),
    }),
    ({ anchors, images, most, perImage, allowLowQuality }) => ({
      inputs: {
        anchors: gridBoxes(perImage ? [images, anchors, 4] : [anchors, 4], 9),
        boxes: gridBoxes([images, most, 4], 9),
        count: integers([images], 0, most + 1),
      },
      attrs: { highThreshold: 0.5, lowThreshold: 0.25, allowLowQuality },
    }),
  ),
  roi_align: caseOf('roi_align', region, ({ images, size, c, count, ...attrs }) => ({
    inputs: { x: normal([images, ...size, c]), rois: regions(count, images, size[0] / attrs.spatialScale) },
    attrs,
    grad: ['x'],
    atol: 3e-5,
  })),
  paste_masks: caseOf(
    'paste_masks',
    fc.tuple(int(0, 6), int(1, 9), int(1, 40), int(1, 40)),
    ([count, side, h, w]) => ({
      inputs: { masks: uniform([count, side, side]), boxes: boxesOf([count, 4], Math.max(h, w)) },
      attrs: { size: [h, w] },
    }),
  ),
  heatmaps_to_keypoints: caseOf(
    'heatmaps_to_keypoints',
    // A map of one value is everywhere the same but for rounding, which then decides where the largest is.
    fc.tuple(int(0, 4), int(2, 9), int(0, 5), int(1, 40)),
    ([count, side, keypoints, size]) => ({
      inputs: { maps: uniform([count, side, side, keypoints]), boxes: boxesOf([count, 4], size) },
    }),
  ),
  panoptic_merge: caseOf(
    'panoptic_merge',
    fc.record({
      images: int(0, 2),
      instances: int(0, 9),
      side: int(3, 9),
      size: fc.oneof(pairOf(1, 20), fc.tuple(int(1, 6), int(20, 90))),
      numStuff: int(0, 5),
      overlapThreshold: fc.constantFrom(0, 0.25, 0.5, 1),
      stuffAreaLimit: int(0, 30),
    }),
    ({ images, instances, side, size, ...attrs }) => ({
      inputs: {
        masks: patches([images, instances, side, side]),
        boxes: boxesOf([images, instances, 4], 20),
        count: integers([images], 0, instances + 2),
        semantic: integers([images, ...size], 0, attrs.numStuff + 2),
      },
      attrs,
    }),
  ),
  roi_pool: caseOf(
    'roi_pool',
    region,
    ({ images, size, c, count, samplingRatio: _, aligned: __, ...attrs }) => ({
      inputs: {
        x: distinct([images, ...size, c]),
        rois: regions(count, images, size[0] / attrs.spatialScale),
      },
      attrs,
      grad: ['x'],
    }),
  ),
} as const;
