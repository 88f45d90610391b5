import type { HostArray } from '../shape.ts';
import { type Box, boxArea, boxIou } from '../vision/boxes.ts';

/** What a comparison found. */
export interface ModelComparison {
  /** The figures, for people. */
  readonly summary: string;
  /** What is wrong; empty where all is well. */
  readonly problem: string;
}

/** The detections of one image: D boxes [D,4], scores, labels, and what else there is. */
export interface FoundObjects {
  readonly boxes: HostArray;
  readonly scores: HostArray;
  readonly labels: HostArray;
  /** Soft masks [D,H,W], of models that have them. */
  readonly masks: HostArray | undefined;
  /** x, y and 1 of each keypoint [D,K,3], of models that have them. */
  readonly keypoints: HostArray | undefined;
}

/** How far numbers may be off. */
export interface ModelTolerances {
  /** Of outputs: in proportion to the largest value. */
  readonly output: number;
  /** Of losses and running statistics: in proportion to each. */
  readonly loss: number;
  /** Of the norms of gradients: in proportion to each. */
  readonly gradient: number;
}

/** Those of `fovea verify --models`: whole models on any adapter. */
export const TOLERANCES: ModelTolerances = { output: 1e-3, loss: 1e-3, gradient: 1e-2 };

const MATCHED_SHARE = 0.99;
const MATCHED_IOU = 0.99;
const SCORE_TOLERANCE = 1e-3;
const MASK_TOLERANCE = 5e-3;
const SMALLEST = 1e-6;

const figure = (value: number): string => (value === 0 ? '0' : value.toExponential(1));

const boxAt = ({ boxes }: FoundObjects, i: number): Box =>
  [0, 1, 2, 3].map((k) => boxes[i * 4 + k]!) as [number, number, number, number];

/**
 * How much two boxes agree, in 0..1. The IoU of two boxes without area, which clipping at the border leaves, is 0 / 0: they agree
 * where all of their corners do, to a hundredth of a pixel.
 */
function agreement(a: Box, b: Box): number {
  if (boxArea(a) > 0 || boxArea(b) > 0) return boxIou(a, b);
  return a.every((value, k) => Math.abs(value - b[k]!) <= 0.01) ? 1 : 0;
}

/** For each wanted detection the one that was found for it: of those of its label and score, the one of greatest IoU. */
function match(got: FoundObjects, want: FoundObjects): (number | undefined)[] {
  const free = new Set(Array.from(got.scores, (_, i) => i));
  return Array.from(want.scores, (score, i) => {
    let best: number | undefined;
    let most = MATCHED_IOU;
    for (const j of free) {
      if (got.labels[j] !== want.labels[i] || !(Math.abs(got.scores[j]! - score) <= SCORE_TOLERANCE))
        continue;
      const iou = agreement(boxAt(got, j), boxAt(want, i));
      if (iou >= most) [best, most] = [j, iou];
    }
    if (best !== undefined) free.delete(best);
    return best;
  });
}

/** The greatest difference between the masks of matched detections. */
function maskError(got: FoundObjects, want: FoundObjects, pairs: readonly (number | undefined)[]): number {
  if (!want.masks) return 0;
  if (!got.masks) return Number.POSITIVE_INFINITY;
  const pixels = want.masks.length / Math.max(want.scores.length, 1);
  let worst = 0;
  pairs.forEach((j, i) => {
    if (j === undefined) return;
    for (let k = 0; k < pixels; k++) {
      const error = Math.abs(got.masks![j * pixels + k]! - want.masks![i * pixels + k]!);
      if (!(error <= worst)) worst = error;
    }
  });
  return worst;
}

/** How many keypoints of matched detections there are, and how many of them are where they should be, to a pixel. */
function countKeypoints(
  got: FoundObjects,
  want: FoundObjects,
  pairs: readonly (number | undefined)[],
): readonly [right: number, all: number] {
  if (!want.keypoints) return [0, 0];
  const width = want.keypoints.length / Math.max(want.scores.length, 1);
  let [right, all] = [0, 0];
  pairs.forEach((j, i) => {
    if (j === undefined) return;
    for (let k = 0; k < width; k += 3) {
      const off = [0, 1].map((axis) =>
        Math.abs(got.keypoints![j * width + k + axis]! - want.keypoints![i * width + k + axis]!),
      );
      all++;
      if (Math.max(...off) <= 1) right++;
    }
  });
  return [right, all];
}

/** Compares the detections of several images. */
export function compareDetections(
  images: readonly { readonly got: FoundObjects; readonly want: FoundObjects }[],
): ModelComparison {
  let [matched, wanted, found, masks, scores, right, keypoints] = [0, 0, 0, 0, 0, 0, 0];
  for (const { got, want } of images) {
    const pairs = match(got, want);
    matched += pairs.filter((j) => j !== undefined).length;
    wanted += want.scores.length;
    found += got.scores.length;
    masks = Math.max(masks, maskError(got, want, pairs));
    const points = countKeypoints(got, want, pairs);
    right += points[0];
    keypoints += points[1];
    pairs.forEach((j, i) => {
      if (j !== undefined) scores = Math.max(scores, Math.abs(got.scores[j]! - want.scores[i]!));
    });
  }
  const total = Math.max(wanted, found);
  const withMasks = images.some(({ want }) => want.masks);
  const problems = [
    ...(matched >= MATCHED_SHARE * total
      ? []
      : [`${matched} of ${wanted} detections matched, ${found} found; ${MATCHED_SHARE} are needed`]),
    ...(masks <= MASK_TOLERANCE ? [] : [`masks differ by ${figure(masks)}, allowed is ${MASK_TOLERANCE}`]),
    ...(right >= MATCHED_SHARE * keypoints
      ? []
      : [`${right} of ${keypoints} keypoints are within a pixel; ${MATCHED_SHARE} are needed`]),
  ];
  return {
    summary: `${matched}/${total} matched, scores within ${figure(scores)}${withMasks ? `, masks within ${figure(masks)}` : ''}${keypoints > 0 ? `, ${right}/${keypoints} keypoints within a pixel` : ''}`,
    problem: problems.join('; '),
  };
}

/** Compares outputs in proportion to their largest value. */
export function compareOutputs(
  outputs: readonly {
    readonly name: string;
    readonly want: HostArray;
    readonly got: HostArray | undefined;
  }[],
  tolerance: number,
): ModelComparison {
  const results = outputs.map(({ name, want, got }) => {
    if (got?.length !== want.length) {
      return {
        name,
        error: Number.POSITIVE_INFINITY,
        problem: `${name} has ${got?.length ?? 'no'} values, not ${want.length}`,
      };
    }
    let [largest, worst] = [0, 0];
    want.forEach((value, i) => {
      largest = Math.max(largest, Math.abs(value));
      const error = Math.abs(got[i]! - value);
      if (!(error <= worst)) worst = error;
    });
    const error = worst / largest;
    const fits = error <= tolerance;
    return {
      name,
      error,
      problem: fits
        ? ''
        : `${name} differs by ${figure(error)} of its largest value, allowed is ${tolerance}`,
    };
  });
  return {
    summary: results.map(({ name, error }) => `${name} within ${figure(error)}`).join(', '),
    problem: results
      .map(({ problem }) => problem)
      .filter((problem) => problem)
      .join('; '),
  };
}

/** Compares numbers, each with its own relative tolerance; 1e-6 is always allowed. */
export function compareNumber(
  numbers: readonly {
    readonly name: string;
    readonly want: number;
    readonly got: number | undefined;
    readonly relative: number;
  }[],
): ModelComparison {
  const results = numbers.map(({ name, want, got = Number.NaN, relative }) => {
    const error = Math.abs(got - want);
    const fits = error <= Math.max(relative * Math.abs(want), SMALLEST);
    return {
      name,
      error: error / Math.max(Math.abs(want), SMALLEST),
      problem: fits ? '' : `${name} is ${got}, not ${want}`,
    };
  });
  const worst = (prefix: string) =>
    results
      .filter(({ name }) => name.startsWith(prefix))
      .reduce((most, { error }) => (error <= most ? most : error), 0);
  const statistics = results.some(({ name }) => name.startsWith('running_norm.'));
  const problems = results.filter(({ problem }) => problem).map(({ problem }) => problem);
  const more = problems.length > 3 ? ` and ${problems.length - 3} more` : '';
  return {
    summary: `${results.length} numbers; losses within ${figure(worst('loss.'))}, gradients' norms within ${figure(worst('grad_norm.'))}${statistics ? `, running statistics within ${figure(worst('running_norm.'))}` : ''}`,
    problem: problems.slice(0, 3).join('; ') + more,
  };
}
