import { expectArguments } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import type { Crop } from './crop.ts';
import { depth, type Homography, invert, mapPoint } from './matrix.ts';

/** A keypoint: its place in pixels, and whether it is visible (0: not; COCO also tells 1, hidden, from 2, seen). */
export type Keypoint = readonly [x: number, y: number, visible: number];

/** Options of `cropPoints`. */
export interface CropPointsOptions {
  /** The number of each keypoint's counterpart on the other side, such as the right eye for the left one: where a crop is mirrored, they
   * change places. Default: none do. */
  readonly flipIndices?: readonly number[];
}

/**
 * Maps keypoints of an image into a crop.
 *
 * @param points Keypoints in pixels of the image.
 * @param crop Where the crop is; see `sampleCrop`.
 * @param options `flipIndices`: what changes places where the crop is mirrored.
 * @returns Keypoints in pixels of the crop, in the order of `points`: with visibility 0 where they are outside of the crop or its region,
 * else their own. Points that no crop can show, behind the horizon of a perspective, are at (0, 0).
 * @throws UsageError for `flipIndices` that are not one number per point.
 */
export function cropPoints(
  points: readonly Keypoint[],
  crop: Crop,
  options: CropPointsOptions = {},
): [x: number, y: number, visible: number][] {
  expectArguments(
    'cropPoints',
    { points, crop },
    { points: ['values'], crop: { size: 'pair', region: 'box', toImage: 'values' } },
  );
  const { flipIndices } = withDefaults('cropPoints', options, { flipIndices: undefined });
  const { size, region, toImage, windows = [[0, 0, size[1], size[0]] as const] } = crop;
  if (flipIndices && !points.every((_, i) => points[flipIndices[i] ?? -1] !== undefined)) {
    throw new UsageError(
      `cropPoints: flipIndices is [${flipIndices.join(', ')}]; give the number of another of the ${points.length} points for each`,
    );
  }
  const toCrop = invert(toImage);
  const swapped = flipIndices !== undefined && isMirrored(toImage);
  return points.map((_, i) => {
    const [x, y, visible] = points[swapped ? flipIndices[i]! : i]!;
    if (!(depth(toCrop, [x, y]) > 0)) return [0, 0, 0];
    const [u, v] = mapPoint(toCrop, [x, y]);
    const inRegion = x >= region[0] && y >= region[1] && x <= region[2] && y <= region[3];
    const shown = inRegion && windows.some(([x1, y1, x2, y2]) => u >= x1 && v >= y1 && u <= x2 && v <= y2);
    return [u, v, shown ? visible : 0];
  });
}

/** Whether a map swaps left and right: its determinant is negative. */
const isMirrored = ([a, b, c, d, e, f, g, h, i]: Homography): boolean =>
  a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0;
