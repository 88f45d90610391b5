import { ShapeError } from '../../errors.ts';
import { defineOperation } from '../../graph/operation.ts';
import { defineKernel } from '../../kernels/userKernel.ts';
import { formatShape, numel } from '../../shape.ts';
import shader from '../../wgsl/image/foreground_step.wgsl';

/** A part of a level: where it begins in it, and the size of the level. */
export interface PartOfLevel {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Attributes of `foregroundStep`. */
export interface ForegroundStepAttrs {
  /** Where the image lies in its level. */
  readonly part: PartOfLevel;
  /** Where the old colours lie in theirs, which may be a coarser one. */
  readonly oldPart: PartOfLevel;
  /** How much each neighbour counts where alpha is the same. */
  readonly regularization: number;
  /** How much more it counts by the difference of the alphas. */
  readonly gradientWeight: number;
}

const kernel = defineKernel({
  name: 'foreground_step',
  inputs: ['image', 'colors'],
  outputs: ['y'],
  attributes: (given: ForegroundStepAttrs) => given,
  infer({ image, colors }) {
    const [H, W, four] = image.shape;
    const [h, w, six] = colors.shape;
    if (image.shape.length !== 3 || four !== 4 || colors.shape.length !== 3 || six !== 6 || !h || !w) {
      throw new ShapeError(
        `foreground_step: image must be [H,W,4] and colors [h,w,6], got ${formatShape(image.shape)} and ${formatShape(colors.shape)}`,
      );
    }
    return { y: { shape: [H!, W!, 6], dtype: 'f32' as const } };
  },
  dispatches(_caps, { image, colors }, _outputs, { part, oldPart, regularization, gradientWeight }) {
    const [rows, columns] = image.shape as [number, number, number];
    const [old_rows, old_columns] = colors.shape as [number, number, number];
    const params = {
      total: rows * columns,
      columns,
      rows,
      ...part,
      old_columns,
      old_rows,
      old_left: oldPart.left,
      old_top: oldPart.top,
      old_width: oldPart.width,
      old_height: oldPart.height,
      regularization,
      gradient_weight: gradientWeight,
    };
    return { dispatches: [{ shader, params, grid: rows * columns }] };
  },
});

const clampTo = (value: number, length: number): number => Math.min(Math.max(value, 0), length - 1);

/**
 * One step of Jacobi on the colours of foreground and background (Germer et al. 2020, "Fast multi-level foreground estimation", equation 4): at each
 * pixel those f and g that minimise, in each channel, (a f + (1 - a) g - I)^2 + sum over the four neighbours of w ((f - F)^2 + (g - B)^2), where
 * w = regularization + gradientWeight |a - a'|, a' is the alpha of the neighbour and F and B its old colours. Clipped to 0..1. Beyond the border
 * of the level there is the pixel at it.
 *
 * image [H,W,4]: red, green, blue and alpha of a part of a level; colors [h,w,6]: old foreground and background of a part of this level or a
 * coarser one, of which the nearest pixel is read. -> y [H,W,6].
 */
export const foregroundStep = defineOperation({
  kernel,
  gradient: null,
  reference({ image, colors }, { part, oldPart, regularization, gradientWeight }) {
    const [rows, columns] = image.shape as [number, number, number];
    const [oldRows, oldColumns] = colors.shape as [number, number, number];
    const y = new Float64Array(numel(image.shape) * 1.5);
    const alphaAt = (x: number, v: number) =>
      image.data[4 * (clampTo(v - part.top, rows) * columns + clampTo(x - part.left, columns)) + 3]!;
    const colorsAt = (x: number, v: number) => {
      const column = Math.floor((x * oldPart.width) / part.width) - oldPart.left;
      const row = Math.floor((v * oldPart.height) / part.height) - oldPart.top;
      return 6 * (clampTo(row, oldRows) * oldColumns + clampTo(column, oldColumns));
    };
    for (let i = 0; i < rows * columns; i++) {
      const [x, v] = [(i % columns) + part.left, Math.floor(i / columns) + part.top];
      const a = image.data[4 * i + 3]!;
      const b = 1 - a;
      const neighbours = [
        [x - 1, v],
        [x + 1, v],
        [x, v - 1],
        [x, v + 1],
      ].map(([u, t]) => [clampTo(u!, part.width), clampTo(t!, part.height)] as const);
      const weights = neighbours.map(
        ([u, t]) => regularization + gradientWeight * Math.abs(a - alphaAt(u, t)),
      );
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const old = (c: number) =>
        neighbours.reduce((sum, [u, t], k) => sum + weights[k]! * colors.data[colorsAt(u, t) + c]!, 0);
      for (let c = 0; c < 3; c++) {
        // [total + a a, a b; a b, total + b b] (f, g) = (old f + a I, old g + b I)
        const color = image.data[4 * i + c]!;
        const [right, below] = [old(c) + a * color, old(c + 3) + b * color];
        const determinant = (total + a * a) * (total + b * b) - a * b * a * b;
        const f = ((total + b * b) * right - a * b * below) / determinant;
        const g = ((total + a * a) * below - a * b * right) / determinant;
        y[6 * i + c] = Math.min(Math.max(f, 0), 1);
        y[6 * i + c + 3] = Math.min(Math.max(g, 0), 1);
      }
    }
    return { y };
  },
});
