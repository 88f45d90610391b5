/** Anchors chosen by the boxes of a data set, and how well anchors fit them. */
import { ShapeError } from '../errors.ts';
import { distanceMatrix, kMedoids } from './kMedoids.ts';
import { Random } from './random.ts';

export type Side = readonly [width: number, height: number];

/** Intersection over union of two boxes with one corner in common; sides above 0. */
export function sideIou([w1, h1]: Side, [w2, h2]: Side): number {
  const both = Math.min(w1, w2) * Math.min(h1, h2);
  return both / (w1 * h1 + w2 * h2 - both);
}

export interface AnchorFit {
  /** The mean over the boxes of the best IoU that an anchor has. */
  readonly meanIou: number;
  /** The share of boxes with an anchor of IoU 0.5 or more. */
  readonly recall: number;
}

/**
 * How well anchors fit boxes, by width and height alone, as if each box had an anchor at its corner: what a grid of anchors
 * reaches is less, by how coarse it is. NaN where there are no boxes.
 */
export function anchorFit(boxes: readonly Side[], anchors: readonly Side[]): AnchorFit {
  let sum = 0;
  let found = 0;
  for (const box of boxes) {
    let best = 0;
    for (const anchor of anchors) best = Math.max(best, sideIou(box, anchor));
    sum += best;
    if (best >= 0.5) found++;
  }
  return { meanIou: sum / boxes.length, recall: found / boxes.length };
}

/** PAM's distances grow with the square of the number of boxes. */
const MOST = 1000;

/** At most `most` of the boxes, drawn at random. */
export function sampleSides(boxes: readonly Side[], seed: number | string, most = MOST): readonly Side[] {
  if (boxes.length <= most) return boxes;
  const picked = new Random(seed).fork('sides').shuffle(Uint32Array.from(boxes, (_, i) => i));
  return Array.from(picked.subarray(0, most).sort(), (i) => boxes[i]!);
}

const byArea = (a: Side, b: Side): number => a[0] * a[1] - b[0] * b[1] || a[0] - b[0];

/**
 * k boxes of the data set that fit the others best, smallest first: k-medoids with the distance 1 - IoU of boxes with one
 * corner in common, as YOLOv2 chose its anchors by k-means (Redmon and Farhadi 2016, §2), on at most 1,000 boxes drawn by `seed`.
 *
 * Throws ShapeError where there are fewer different boxes than k.
 */
export function clusterSides(boxes: readonly Side[], k: number, seed: number | string = 0): Side[] {
  const sample = sampleSides(boxes, seed);
  const different = new Set(sample.map(([w, h]) => `${w} ${h}`)).size;
  if (k > different) {
    throw new ShapeError(
      `clusterSides: ${k} clusters of ${different} different boxes; ask for ${different} or fewer, or label more`,
    );
  }
  const distances = distanceMatrix(sample.length, (i, j) => 1 - sideIou(sample[i]!, sample[j]!));
  return kMedoids(distances, { k, seed })
    .medoids.map((i) => sample[i]!)
    .sort(byArea);
}

/** How the anchors of a model are laid out. */
export type AnchorLayout =
  /** A list, shared out among scales: each has boxes of its own. */
  | { readonly kind: 'list'; readonly count: number; readonly anchors: readonly Side[] }
  /** Each level has its sizes (square roots of areas), and all have the same shapes (height / width). */
  | {
      readonly kind: 'pyramid';
      readonly sizes: readonly (readonly number[])[];
      readonly aspectRatios: readonly number[];
    };

const octaves = (size: number): number[] => [0, 1, 2].map((third) => Math.floor(size * 2 ** (third / 3)));
const COCO_SIZES = [32, 64, 128, 256, 512];
const COCO_RATIOS = [0.5, 1, 2];

/** The anchors that models come with: torchvision's, and those of Darknet's cfg files, both for COCO. */
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
} as const satisfies Readonly<Record<string, AnchorLayout>>;

export type AnchorModel = keyof typeof ANCHOR_LAYOUTS;

/** Width and height of all anchors of a layout: w = size / sqrt(ratio), h = size sqrt(ratio), as in `generateAnchors`. */
export function anchorsOf(layout: AnchorLayout): readonly Side[] {
  if (layout.kind === 'list') return layout.anchors;
  const { sizes, aspectRatios } = layout;
  return sizes.flat().flatMap((size) => {
    return aspectRatios.map((ratio): Side => [size / Math.sqrt(ratio), size * Math.sqrt(ratio)]);
  });
}

/**
 * A layout like the given one with anchors that fit these boxes. Of a list, `count` clusters of boxes. Of a pyramid, `count`
 * sizes, shared out among the levels from small to large, and as many aspect ratios as it had: clusters of the boxes' sizes
 * (as squares), and of their shapes (at one area), each with the distance 1 - IoU.
 *
 * Throws ShapeError where `count` cannot be shared out evenly, or there are fewer different boxes, sizes or shapes.
 */
export function fitAnchors(
  boxes: readonly Side[],
  layout: AnchorLayout,
  { count, seed = 0 }: { readonly count?: number; readonly seed?: number | string } = {},
): AnchorLayout {
  if (layout.kind === 'list') {
    const anchors = clusterSides(boxes, count ?? layout.count, seed);
    return { kind: 'list', count: anchors.length, anchors };
  }
  const levels = layout.sizes.length;
  const wanted = count ?? layout.sizes.flat().length;
  if (wanted % levels !== 0) {
    throw new ShapeError(
      `fitAnchors: ${wanted} sizes for ${levels} levels; give a multiple of ${levels}, for example ${Math.ceil(wanted / levels) * levels}`,
    );
  }
  const squares = boxes.map(([w, h]): Side => [Math.sqrt(w * h), Math.sqrt(w * h)]);
  const shapes = boxes.map(([w, h]): Side => [Math.sqrt(w / h), Math.sqrt(h / w)]);
  const sizes = clusterSides(squares, wanted, seed).map(([size]) => size);
  const ratios = clusterSides(shapes, layout.aspectRatios.length, seed).map(([w, h]) => h / w);
  const perLevel = wanted / levels;
  return {
    kind: 'pyramid',
    sizes: layout.sizes.map((_, level) => sizes.slice(level * perLevel, (level + 1) * perLevel)),
    aspectRatios: ratios.sort((a, b) => a - b),
  };
}
