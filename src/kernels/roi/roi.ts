import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, type Shape, type TensorSpec } from '../../shape.ts';
import roiRowsShader from '../../wgsl/roi/roi_rows.wgsl';
import type { Dispatch, Given } from '../kernel.ts';
import { expectGradient, expectInteger, expectSize2, imageDims, type Size2, size2 } from '../spatial.ts';

/** What RoIAlign and RoIPool have in common. */
export interface RoiAttrs {
  /** Bins of a region: height and width. */
  readonly outputSize: Size2;
  /** Cells of x a pixel of the regions' coordinates: 1 / stride of the feature map. Default 1. */
  readonly spatialScale: number;
}

export const roiAttrs = ({ outputSize, spatialScale = 1 }: Given<RoiAttrs, 'outputSize'>): RoiAttrs => ({
  outputSize: size2(outputSize),
  spatialScale,
});

/** R, after checking the regions and the attributes. */
export function expectRois(op: string, rois: TensorSpec, { outputSize, spatialScale }: RoiAttrs): number {
  if (rois.shape.length !== 2 || rois.shape[1] !== 5) {
    throw new ShapeError(
      `${op}: rois must be [R,5] as (image, x1, y1, x2, y2), got ${formatSpec('rois', rois)}`,
    );
  }
  expectDType(op, 'rois', rois, 'f32');
  expectSize2(op, 'outputSize', outputSize, 1);
  if (!(spatialScale > 0) || !Number.isFinite(spatialScale)) {
    throw new ShapeError(
      `${op}: spatialScale must be a positive number of cells a pixel (1 / stride), got ${spatialScale}`,
    );
  }
  return rois.shape[0]!;
}

/** The dx of a backward operation, after checking dy against the regions and inputShape. */
export function inferRoiBackward(
  op: string,
  { dy, rois }: { readonly dy: TensorSpec; readonly rois: TensorSpec },
  attrs: RoiAttrs & { readonly inputShape: Shape },
): TensorSpec {
  const { inputShape, outputSize } = attrs;
  const count = expectRois(op, rois, attrs);
  if (inputShape?.length !== 4 || !Array.isArray(inputShape)) {
    throw new ShapeError(`${op}: inputShape must be [N,H,W,C], got [${inputShape}]`);
  }
  inputShape.forEach((size, k) => {
    expectInteger(op, `inputShape[${k}]`, size, k === 1 || k === 2 ? 1 : 0);
  });
  imageDims(op, 'dy', dy);
  expectGradient(op, dy, [count, ...outputSize, inputShape[3]]);
  return { shape: inputShape, dtype: dy.dtype };
}

/** Lists longer than this are kept for bands of several rows, or not made. */
export const LIST_BYTES = 1 << 24;

/**
 * The dispatch that lists, for each row of each image, the regions that reach into it (roi_rows.wgsl), with
 * its scratch memory and the parameters by which a gather finds its list. `snippet` says what a region covers.
 */
export function roiRows(
  snippet: string,
  constants: Record<string, boolean>,
  count: number,
  inputShape: Shape,
  spatialScale: number,
): { dispatch: Dispatch; scratch: Record<string, number>; params: { bands: number; band: number } } {
  const [images, height, width] = inputShape as [number, number, number, number];
  const band = Math.max(1, Math.ceil((height * count * 8) / LIST_BYTES));
  const bands = Math.ceil(height / band);
  const dispatch: Dispatch = {
    shader: roiRowsShader,
    snippets: [snippet],
    constants,
    params: { total: images * bands, count, bands, band, height, width, scale: spatialScale },
    grid: images * bands,
  };
  return {
    dispatch,
    scratch: { lists: bands * count * 8, ranges: images * bands * 8 },
    params: { bands, band },
  };
}
