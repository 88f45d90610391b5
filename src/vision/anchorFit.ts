/** Anchors that fit the boxes of a data set. */

import { expectArguments } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { distanceMatrix, kMedoids } from './kMedoids.ts';
import { Random } from './random.ts';

/** Width and height of a box, in pixels. */
export type BoxSize = readonly [width: number, height: number];

/** Intersection over union of two boxes that share a corner; their sides must be above 0. */
export function boxSizeIou([w1, h1]: BoxSize, [w2, h2]: BoxSize): number {
  const both = Math.min(w1, w2) * Math.min(h1, h2);
  return both / (w1 * h1 + w2 * h2 - both);
}

/** How well anchors fit boxes: what `anchorFit` returns. */
export interface AnchorFit {
  /** Mean over the boxes of the highest IoU with an anchor, 0..1. */
  readonly meanIou: number;
  /** Fraction of the boxes that have an anchor with an IoU of at least 0.5. */
  readonly recall: number;
}

/**
 * Measures how well anchors fit boxes by width and height alone, as if each box had every anchor at its corner. A grid of
 * anchors reaches less, depending on how coarse it is.
 *
 * @param boxes Widths and heights of the boxes in pixels.
 * @param anchors Widths and heights of the anchors in pixels.
 * @returns NaN for both if there are no boxes.
 */
export function anchorFit(boxes: readonly BoxSize[], anchors: readonly BoxSize[]): AnchorFit {
  expectArguments('anchorFit', { boxes, anchors }, { boxes: ['pair'], anchors: ['pair'] });
  let sum = 0;
  let found = 0;
  for (const box of boxes) {
    let best = 0;
    for (const anchor of anchors) best = Math.max(best, boxSizeIou(box, anchor));
    sum += best;
    if (best >= 0.5) found++;
  }
  return { meanIou: sum / boxes.length, recall: found / boxes.length };
}

/** The number of distances grows with the square of the number of boxes. */
const MAX_SAMPLE = 1000;

/**
 * Draws boxes at random.
 *
 * @param boxes Widths and heights of boxes.
 * @param options `count`: how many to draw at most, default 1000; `seed`: same seed, same boxes, default 0.
 * @returns The drawn boxes in their order; all of them if there are no more than `count`.
 */
export function sampleBoxSizes(
  boxes: readonly BoxSize[],
  options: { readonly count?: number; readonly seed?: number | string } = {},
): readonly BoxSize[] {
  expectArguments('sampleBoxSizes', { boxes }, { boxes: ['pair'] });
  const { count, seed } = withDefaults('sampleBoxSizes', options, { count: MAX_SAMPLE, seed: 0 });
  if (boxes.length <= count) return boxes;
  const picked = new Random(seed).fork('sides').shuffle(Uint32Array.from(boxes, (_, i) => i));
  return Array.from(picked.subarray(0, count).sort(), (i) => boxes[i]!);
}

const differentIn = (boxes: readonly BoxSize[]): number => new Set(boxes.map(([w, h]) => `${w} ${h}`)).size;

const byArea = (a: BoxSize, b: BoxSize): number => a[0] * a[1] - b[0] * b[1] || a[0] - b[0];

/**
 * Finds the k boxes that represent all boxes best: k-medoids with the distance 1 - IoU of boxes that share a corner. YOLOv2
 * chose its anchors in the same way by k-means (Redmon and Farhadi 2016, §2). Uses at most 1,000 boxes, drawn at random.
 *
 * @param boxes Widths and heights of boxes in pixels.
 * @param k The number of clusters.
 * @param options `seed` (default 0): same seed, same clusters.
 * @returns k of the boxes, by ascending area.
 * @throws ShapeError if there are fewer than k different boxes.
 */
export function clusterBoxSizes(
  boxes: readonly BoxSize[],
  k: number,
  options: { readonly seed?: number | string } = {},
): BoxSize[] {
  expectArguments('clusterBoxSizes', { boxes }, { boxes: ['pair'] });
  const { seed } = withDefaults('clusterBoxSizes', options, { seed: 0 });
  const sample = sampleBoxSizes(boxes, { seed });
  const different = differentIn(sample);
  if (k > different) {
    const there = different === 1 ? 'is 1 different box' : `are ${different} different boxes`;
    throw new ShapeError(
      `clusterBoxSizes: k is ${k}, and there ${there}; ask for at most ${different}, or label more objects`,
    );
  }
  const distances = distanceMatrix(sample.length, (i, j) => 1 - boxSizeIou(sample[i]!, sample[j]!));
  return kMedoids(distances, { k, seed })
    .medoids.map((i) => sample[i]!)
    .sort(byArea);
}

/** The anchors of a model. */
export type AnchorLayout =
  | {
      /** A list of anchors, divided among the scales of the model (YOLO). */
      readonly kind: 'list';
      /** The number of anchors. */
      readonly count: number;
      /** Widths and heights in pixels, by ascending area. */
      readonly anchors: readonly BoxSize[];
    }
  | {
      /** Sizes for each level of a feature pyramid, in all aspect ratios (RetinaNet, Faster R-CNN). */
      readonly kind: 'pyramid';
      /** For each level, the square roots of the anchors' areas in pixels. */
      readonly sizes: readonly (readonly number[])[];
      /** Height / width, the same for all levels. */
      readonly aspectRatios: readonly number[];
    };

const octaves = (size: number): number[] => [0, 1, 2].map((third) => Math.floor(size * 2 ** (third / 3)));
const COCO_SIZES = [32, 64, 128, 256, 512];
const COCO_RATIOS = [0.5, 1, 2];

/** The default anchors of models: torchvision's, and those of Darknet's cfg files, both chosen for COCO. */
export const ANCHOR_LAYOUTS = {
  retinanet: { kind: 'pyramid', sizes: COCO_SIZES.map(octaves), aspectRatios: COCO_RATIOS },
  fasterrcnn: { kind: 'pyramid', sizes: COCO_SIZES.map((size) => [size]), aspectRatios: COCO_RATIOS },
  yolov3: {
    kind: 'list',
    count: 9,
    anchors: [
      [10, 13],
      [16, 30],
      [33, 23],
      [30, 61],
      [62, 45],
      [59, 119],
      [116, 90],
      [156, 198],
      [373, 326],
    ],
  },
  'yolov3-tiny': {
    kind: 'list',
    count: 6,
    anchors: [
      [10, 14],
      [23, 27],
      [37, 58],
      [81, 82],
      [135, 169],
      [344, 319],
    ],
  },
  'yolo-fastest': {
    kind: 'list',
    count: 6,
    anchors: [
      [12, 18],
      [37, 49],
      [115, 73],
      [52, 132],
      [119, 199],
      [242, 238],
    ],
  },
} as const satisfies Readonly<Record<string, AnchorLayout>>;

/** A model with default anchors. */
export type AnchorModel = keyof typeof ANCHOR_LAYOUTS;

/**
 * Lists the widths and heights of all anchors of a layout: w = size / sqrt(ratio), h = size * sqrt(ratio), as in
 * `generateAnchors`.
 *
 * @param layout The anchors of a model.
 */
export function anchorsOf(layout: AnchorLayout): readonly BoxSize[] {
  expectArguments('anchorsOf', { layout }, { layout: { kind: 'text' } });
  if (layout.kind === 'list') return layout.anchors;
  const { sizes, aspectRatios } = layout;
  return sizes.flat().flatMap((size) => {
    return aspectRatios.map((ratio): BoxSize => [size / Math.sqrt(ratio), size * Math.sqrt(ratio)]);
  });
}

/**
 * Chooses anchors that fit boxes, in the layout of a model.
 *
 * For a list, the anchors are `count` clusters of the boxes. For a pyramid, they are `count` sizes, divided among the levels
 * from small to large, in as many aspect ratios as the layout has: clusters of the boxes' sizes (as squares), and of their
 * shapes (at equal area). Clusters are those of `clusterBoxSizes`.
 *
 * @param boxes Widths and heights of boxes in pixels.
 * @param layout The layout to fill, for example `ANCHOR_LAYOUTS.retinanet`.
 * @param options `count`: the number of anchors or sizes, default that of the layout, or fewer where there are fewer different
 * boxes (as many for each level, or each third of a list; where there are fewer different boxes than levels or thirds, neighbours have the
 * same); `seed` (default 0): same seed, same anchors. There are as many aspect ratios as in the layout, or as different shapes.
 * @throws ShapeError if `count` is not a multiple of the number of levels, there are fewer different boxes than `count`, or none at all.
 */
export function fitAnchors(
  boxes: readonly BoxSize[],
  layout: AnchorLayout,
  options: { readonly count?: number; readonly seed?: number | string } = {},
): AnchorLayout {
  expectArguments('fitAnchors', { boxes, layout }, { boxes: ['pair'], layout: { kind: 'text' } });
  const { count, seed } = withDefaults('fitAnchors', options, { count: undefined, seed: 0 });
  /** Clusters for these parts: `count`, or else at most `wanted`, as many for each part, and no more than there are different boxes. */
  const clusters = (of: readonly BoxSize[], wanted: number, parts: number): BoxSize[] => {
    const different = differentIn(sampleBoxSizes(of, { seed }));
    if (count === undefined && different > 0 && different < parts) {
      const all = clusterBoxSizes(of, different, { seed });
      return Array.from({ length: parts }, (_, part) => all[Math.floor((part * different) / parts)]!);
    }
    const most = Math.max(1, Math.floor(different / parts)) * parts;
    return clusterBoxSizes(of, count ?? Math.min(wanted, most), { seed });
  };
  if (layout.kind === 'list') {
    const scales = layout.count % 3 === 0 ? layout.count / 3 : 1;
    const anchors = clusters(boxes, layout.count, scales);
    return { kind: 'list', count: anchors.length, anchors };
  }
  const levels = layout.sizes.length;
  if (count !== undefined && count % levels !== 0) {
    throw new ShapeError(
      `fitAnchors: ${count} sizes for ${levels} levels; give a multiple of ${levels}, for example ${Math.ceil(count / levels) * levels}`,
    );
  }
  const squares = boxes.map(([w, h]): BoxSize => [Math.sqrt(w * h), Math.sqrt(w * h)]);
  const shapes = boxes.map(([w, h]): BoxSize => [Math.sqrt(w / h), Math.sqrt(h / w)]);
  const sizes = clusters(squares, layout.sizes.flat().length, levels).map(([size]) => size);
  const shapeCount = Math.min(
    layout.aspectRatios.length,
    Math.max(1, differentIn(sampleBoxSizes(shapes, { seed }))),
  );
  const ratios = clusterBoxSizes(shapes, shapeCount, { seed }).map(([w, h]) => h / w);
  const perLevel = sizes.length / levels;
  return {
    kind: 'pyramid',
    sizes: layout.sizes.map((_, level) => sizes.slice(level * perLevel, (level + 1) * perLevel)),
    aspectRatios: ratios.sort((a, b) => a - b),
  };
}
