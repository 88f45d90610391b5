import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, numel, type Shape, sameShape, type TensorSpec } from '../../shape.ts';
import nan from '../../wgsl/lib/nan.wgsl';
import roiList from '../../wgsl/roi/lib/roi_list.wgsl';
import axis from '../../wgsl/roi/lib/roi_pool_axis.wgsl';
import roiPoolShader from '../../wgsl/roi/roi_pool.wgsl';
import roiPoolBackwardShader from '../../wgsl/roi/roi_pool_backward.wgsl';
import { defineKernel, type Given } from '../kernel.ts';
import { lanesOf, laneTypes, laneValue, pixelDims } from '../spatial.ts';
import { expectRois, inferRoiBackward, type RoiAttrs, roiAttrs, roiRows } from './roi.ts';

/** Attributes of `roiPool`. */
export type RoiPoolAttrs = RoiAttrs;

/**
 * RoI max pooling (Girshick 2015, Fast R-CNN, section 2.1), as `torchvision.ops.roi_pool`. x: [N,H,W,C];
 * rois: f32 [R,5] as (image, x1, y1, x2, y2) in pixels; y: [R,PH,PW,C]; indices: i32 [R,PH,PW,C], the
 * maximum's `h * W + w`.
 *
 * Corners are scaled and rounded to whole cells (halves away from zero), both ends belong to the region,
 * which is at least one cell. Bin b of an axis with `e` cells holds `floor(b * e / bins)` to
 * `ceil((b + 1) * e / bins) - 1`, taken in whole numbers (torchvision divides floats, which can add a cell
 * where the quotient is whole). The first of equal maxima wins, NaN is none. A bin outside of x gives 0 and
 * index -1; so does a region whose image is not one of 0..N-1 (padding: -1). No gradient goes to rois.
 */
export const roiPool = defineKernel({
  name: 'roi_pool',
  inputs: ['x', 'rois'],
  f32Inputs: ['rois'],
  outputs: ['y', 'indices'],
  attributes: roiAttrs,
  infer({ x, rois }, attrs: RoiPoolAttrs) {
    const [, , , c] = pixelDims('roi_pool', 'x', x);
    const shape = [expectRois('roi_pool', rois, attrs), ...attrs.outputSize, c];
    const indices: TensorSpec = { shape, dtype: 'i32' };
    return { y: { shape, dtype: x.dtype }, indices };
  },
  dispatches(_caps, { x }, { y }, { outputSize, spatialScale }) {
    const [images, height, width, c] = x.shape as [number, number, number, number];
    const lanes = lanesOf(c);
    const total = numel(y.shape) / lanes;
    return {
      dispatches: [
        {
          shader: roiPoolShader,
          snippets: [nan, axis],
          types: laneTypes(lanes, x),
          constants: { LANES: lanes },
          params: {
            total,
            images,
            height,
            width,
            channels: c / lanes,
            pooled_h: outputSize[0],
            pooled_w: outputSize[1],
            scale: spatialScale,
          },
          grid: total,
          epilogue: laneValue(lanes),
        },
      ],
    };
  },
});

/** Attributes of `roiPoolBackward`: those of the `roiPool` whose gradient it computes, and the shape of its input. */
export interface RoiPoolBackwardAttrs extends RoiPoolAttrs {
  /** [N,H,W,C] of the x that was pooled. */
  readonly inputShape: Shape;
}

/**
 * The gradient of roi_pool to x: each dy goes to the cell that its index names. dy: [R,PH,PW,C]; indices:
 * i32 [R,PH,PW,C] from the forward operation; rois: [R,5]; dx: [N,H,W,C]. Sums run over regions by number.
 */
export const roiPoolBackward = defineKernel({
  name: 'roi_pool_backward',
  inputs: ['dy', 'indices', 'rois'],
  f32Inputs: ['rois'],
  outputs: ['dx'],
  attributes: ({
    inputShape,
    ...roi
  }: Given<RoiPoolBackwardAttrs, 'outputSize' | 'inputShape'>): RoiPoolBackwardAttrs => ({
    ...roiAttrs(roi),
    inputShape,
  }),
  infer({ dy, indices, rois }, attrs: RoiPoolBackwardAttrs) {
    const op = 'roi_pool_backward';
    expectDType(op, 'indices', indices, 'i32');
    if (!sameShape(dy.shape, indices.shape)) {
      throw new ShapeError(
        `${op}: ${formatSpec('dy', dy)} and ${formatSpec('indices', indices)} differ in shape; pass the indices of the same roi_pool`,
      );
    }
    return { dx: inferRoiBackward(op, { dy, rois }, attrs) };
  },
  dispatches(_caps, { dy, rois }, { dx }, { outputSize, spatialScale, inputShape }) {
    const [, height, width, c] = inputShape as [number, number, number, number];
    const lanes = lanesOf(c);
    const total = numel(dx.shape) / lanes;
    const rows = roiRows(axis, {}, rois.shape[0]!, inputShape, spatialScale);
    return {
      scratch: rows.scratch,
      dispatches: [
        rows.dispatch,
        {
          shader: roiPoolBackwardShader,
          snippets: [axis, roiList],
          types: laneTypes(lanes, dy),
          constants: { LANES: lanes },
          params: {
            total,
            height,
            width,
            channels: c / lanes,
            pooled_h: outputSize[0],
            pooled_w: outputSize[1],
            ...rows.params,
            scale: spatialScale,
          },
          grid: total,
          epilogue: laneValue(lanes),
        },
      ],
    };
  },
});
