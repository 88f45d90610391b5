import { ShapeError } from '../../errors.ts';
import { expectDType, formatShape } from '../../shape.ts';
import { optionsOf } from '../functionOptions.ts';
import { inF32 } from '../operations/broadcast.ts';
import { expectTensors, type Tensor } from '../tensor.ts';
import { abs, add, affine, clamp, equal, floor, greaterEqual, mul, sub, where } from './elementwise.ts';
import { cast, gatherRows, slice } from './shape.ts';

/** Options of `gridSample`. */
export interface GridSampleOptions {
  /** Interpolation: `bilinear`, or `nearest`, which gives no gradient to grid. Default `bilinear`. */
  readonly mode?: 'bilinear' | 'nearest';
  /** The values outside of x: zeros, the nearest border pixel, or x reflected. Default `zeros`. */
  readonly paddingMode?: 'zeros' | 'border' | 'reflection';
  /** Whether -1 and 1 are the centres of the border pixels, instead of their outer edges. Default false. */
  readonly alignCorners?: boolean;
}

const parity = (whole: Tensor): Tensor => sub(whole, affine(floor(affine(whole, 0.5)), 2));

/** Reflected about low and high until it lies between them. */
function reflect(at: Tensor, low: number, high: number): Tensor {
  const span = high - low;
  if (span <= 0) return affine(at, 0);
  const from = abs(affine(at, 1, -low));
  const flips = floor(affine(from, 1 / span));
  const rest = sub(from, affine(flips, span));
  return where(equal(parity(flips), 0), affine(rest, 1, low), affine(rest, -1, span + low));
}

/** The nearest whole number; halves go to the even one, as in PyTorch. */
function round(at: Tensor): Tensor {
  const up = floor(affine(at, 1, 0.5));
  return sub(up, mul(equal(affine(at, 1, 0.5), up), parity(up)));
}

/**
 * Samples x [N,H,W,C] where grid [N,h,w,2] says, as (x, y) with -1 and 1 at the borders (at the centres of the border
 * pixels with alignCorners): [N,h,w,C]. Differentiable in x, and in grid for bilinear (PyTorch's grid_sample; Jaderberg
 * et al. 2015, Spatial Transformer Networks, §3.3). Outside of x, `zeros` counts as 0, `border` as the nearest pixel.
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  expectTensors('grid_sample', { x, grid });
  const { mode, paddingMode, alignCorners } = optionsOf('grid_sample', options, {
    mode: 'bilinear',
    paddingMode: 'zeros',
    alignCorners: false,
  });
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const fits = x.shape.length === 4 && grid.shape.length === 4 && grid.shape[0] === N && grid.shape[3] === 2;
  if (!fits) {
    throw new ShapeError(
      `grid_sample: x ${formatShape(x.shape)} must be [N,H,W,C] and grid ${formatShape(grid.shape)} [N,h,w,2] of the same N`,
    );
  }
  expectDType('grid_sample', 'x', x, 'f32', 'f16');
  expectDType('grid_sample', 'grid', grid, 'f32', 'f16');
  if (mode !== 'bilinear' && mode !== 'nearest') {
    throw new ShapeError(`grid_sample: no mode "${mode}"; choose bilinear, nearest`);
  }
  if (paddingMode !== 'zeros' && paddingMode !== 'border' && paddingMode !== 'reflection') {
    throw new ShapeError(`grid_sample: no paddingMode "${paddingMode}"; choose zeros, border, reflection`);
  }
  // Places in f32: f16 would tell no quarters of a pixel apart from column 1,024 on.
  const places = inF32(grid);
  const [h, w] = [grid.shape[1]!, grid.shape[2]!];
  const coordinate = (axis: 0 | 1, size: number): Tensor => {
    const raw = slice(places, [[], [], [], [axis, axis + 1]]).reshape([N, h * w, 1]);
    const at = alignCorners
      ? affine(raw, (size - 1) / 2, (size - 1) / 2)
      : affine(raw, size / 2, (size - 1) / 2);
    if (paddingMode === 'zeros') return at;
    const inside =
      paddingMode === 'border' ? at : alignCorners ? reflect(at, 0, size - 1) : reflect(at, -0.5, size - 0.5);
    return clamp(inside, 0, size - 1);
  };
  const [px, py] = [coordinate(0, W), coordinate(1, H)];
  const rows = x.reshape([N, H * W, C]);
  /** The pixels at whole coordinates; 0 outside of x. */
  const pixel = (cx: Tensor, cy: Tensor): Tensor => {
    const within = (at: Tensor, size: number) =>
      mul(greaterEqual(at, 0), greaterEqual(affine(at, -1, size - 1), 0));
    // In integers: f32 counts no further than 2^24.
    const [column, row] = [cast(cx.detach(), 'i32'), cast(cy.detach(), 'i32')];
    const known = cast(mul(within(cx, W), within(cy, H)).detach(), 'i32');
    const index = where(known, add(mul(row, W), column), -1);
    return gatherRows(rows, index.reshape([N, h * w]), 1);
  };
  if (mode === 'nearest') return pixel(round(px), round(py)).reshape([N, h, w, C]);
  const [x0, y0] = [floor(px), floor(py)];
  const [x1, y1] = [affine(x0, 1, 1), affine(y0, 1, 1)];
  const [right, bottom] = [sub(px, x0), sub(py, y0)];
  const [left, top] = [affine(right, -1, 1), affine(bottom, -1, 1)];
  const corners = [
    mul(pixel(x0, y0), mul(left, top)),
    mul(pixel(x1, y0), mul(right, top)),
    mul(pixel(x0, y1), mul(left, bottom)),
    mul(pixel(x1, y1), mul(right, bottom)),
  ];
  const total = corners.reduce((sum, corner) => add(sum, corner));
  return cast(total, x.dtype).reshape([N, h, w, C]);
}
