import { ShapeError } from '../../errors.ts';
import { expectList, formatShape, pair } from '../../shape.ts';
import * as imageOps from '../operations/imageFilters.ts';
import { apply, expectTensors, type Tensor } from '../tensor.ts';
import { add, sub } from './elementwise.ts';
import { slice } from './shape.ts';

/** One level down an image pyramid: 5x5 Gaussian, then every other pixel (OpenCV's pyrDown). See `pyrDown` in fovea/kernels. */
export const pyrDown = (x: Tensor): Tensor => apply(imageOps.pyrDown, { x }).y;

/**
 * One level up an image pyramid (OpenCV's pyrUp): twice the size, or with `size` an odd height or width, one less than
 * twice (OpenCV's dstsize): x [N,H,W,C] to [N,2H,2W,C]. Throws ShapeError for another size.
 */
export function pyrUp(x: Tensor, size?: readonly [number, number]): Tensor {
  const y = apply(imageOps.pyrUp, { x }).y;
  const [, H, W] = y.shape as [number, number, number];
  const [h, w] = pair(size ?? [H, W]);
  if (![H, H - 1].includes(h) || ![W, W - 1].includes(w)) {
    throw new ShapeError(
      `pyr_up: x ${formatShape(x.shape)} becomes ${H} or ${H - 1} rows and ${W} or ${W - 1} columns, not ${h} by ${w}`,
    );
  }
  return h === H && w === W ? y : slice(y, [[], [0, h], [0, w]]);
}

/** Gaussian blur with a border reflected about the edge pixel (OpenCV's BORDER_REFLECT_101). See `gaussianBlur` in fovea/kernels. */
export const gaussianBlur = (x: Tensor, kernelSize: number, sigma = 0): Tensor =>
  apply(imageOps.gaussianBlur, { x }, { kernelSize, sigma }).y;

function checkLevels(op: string, levels: number): void {
  if (!Number.isInteger(levels) || levels < 0) {
    throw new ShapeError(`${op}: levels must be a whole number of 0 or more, got ${String(levels)}`);
  }
}

/**
 * x and `levels` smaller copies, each pyrDown of the one before (Burt and Adelson 1983; OpenCV's buildPyramid): levels + 1
 * tensors, of height and width ceil(H / 2^k). x: [N,H,W,C]. Throws ShapeError for levels below 0.
 */
export function gaussianPyramid(x: Tensor, levels: number): Tensor[] {
  expectTensors('gaussian_pyramid', { x });
  checkLevels('gaussian_pyramid', levels);
  const pyramid = [x];
  for (let k = 0; k < levels; k++) pyramid.push(pyrDown(pyramid[k]!));
  return pyramid;
}

const sizeOf = (x: Tensor): readonly [number, number] => [x.shape[1]!, x.shape[2]!];

/**
 * What each level of the Gaussian pyramid has beyond the next, `G_k - pyrUp(G_k+1)`, and last the smallest level itself:
 * levels + 1 tensors, from which laplacianReconstruct makes x again. x: [N,H,W,C].
 */
export function laplacianPyramid(x: Tensor, levels: number): Tensor[] {
  expectTensors('laplacian_pyramid', { x });
  checkLevels('laplacian_pyramid', levels);
  const gaussian = gaussianPyramid(x, levels);
  return gaussian.map((level, k) => {
    const next = gaussian[k + 1];
    return next ? sub(level, pyrUp(next, sizeOf(level))) : level;
  });
}

/** The image of a Laplacian pyramid: from the smallest level on, pyrUp and the level added. */
export function laplacianReconstruct(pyramid: readonly Tensor[]): Tensor {
  expectList('laplacian_reconstruct', 'pyramid', pyramid);
  expectTensors('laplacian_reconstruct', { ...pyramid });
  const smallest = pyramid.at(-1);
  if (!smallest)
    throw new ShapeError('laplacian_reconstruct: no levels; give what laplacianPyramid returned');
  return pyramid.slice(0, -1).reduceRight((x, level) => add(level, pyrUp(x, sizeOf(level))), smallest);
}
