import { numel, type Shape } from '../../shape.ts';
import axis from '../../wgsl/roi/lib/roi_align_axis.wgsl';
import weight from '../../wgsl/roi/lib/roi_align_weight.wgsl';
import roiList from '../../wgsl/roi/lib/roi_list.wgsl';
import roiAlignBackwardShader from '../../wgsl/roi/roi_align_backward.wgsl';
import { defineKernel, type Given, wgslType } from '../kernel.ts';
import { blocksOf, expectInteger, laneType, laneTypes, laneValue, pixelDims } from '../spatial.ts';
import { roiAlignStrategies } from '../strategiesAlone.ts';
import { planAlone } from '../strategy.ts';
import { expectRois, inferRoiBackward, roiAttrs, roiRows } from './roi.ts';
import type { RoiAlignAttrs } from './roiAlignProblem.ts';

export type { RoiAlignAttrs };

const roiAlignAttrs = ({
  samplingRatio = -1,
  aligned = false,
  ...roi
}: Given<RoiAlignAttrs, 'outputSize'>): RoiAlignAttrs => ({ ...roiAttrs(roi), samplingRatio, aligned });

/**
 * RoIAlign (He et al. 2017, Mask R-CNN, section 3), as `torchvision.ops.roi_align`: each region is cut into
 * bins, each bin is the mean of bilinear samples. x: [N,H,W,C]; rois: f32 [R,5] as (image, x1, y1, x2, y2)
 * in pixels of the image that x has spatialScale cells a pixel of; y: [R,PH,PW,C].
 *
 * With samplingRatio -1 a bin has ceil(extent / bins) samples on an axis. A sample more than one cell
 * outside of x counts as 0, one closer is taken at the border. With aligned, regions are shifted by half a
 * cell and may be smaller than one cell; an empty or inverted region gives 0 with samplingRatio -1. A region
 * whose image is not one of 0..N-1 (padding: -1) gives 0. There is no gradient to rois.
 */
export const roiAlign = defineKernel({
  name: 'roi_align',
  inputs: ['x', 'rois'],
  f32Inputs: ['rois'],
  outputs: ['y'],
  attributes: roiAlignAttrs,
  infer({ x, rois }, attrs: RoiAlignAttrs) {
    const [, , , c] = pixelDims('roi_align', 'x', x);
    const count = expectRois('roi_align', rois, attrs);
    expectInteger('roi_align', 'samplingRatio', attrs.samplingRatio, -1);
    return { y: { shape: [count, ...attrs.outputSize, c], dtype: x.dtype } };
  },
  dispatches: (...given) => planAlone(roiAlignStrategies, ...given),
});

/** Attributes of `roiAlignBackward`: those of the `roiAlign` whose gradient it computes, and the shape of its input. */
export interface RoiAlignBackwardAttrs extends RoiAlignAttrs {
  /** [N,H,W,C] of the x that was pooled. */
  readonly inputShape: Shape;
}

/**
 * The gradient of roi_align to x: what each sample of each region sends back to the cells that it was
 * interpolated from. dy: [R,PH,PW,C]; rois: [R,5]; dx: [N,H,W,C]. Sums run over regions by their number.
 */
export const roiAlignBackward = defineKernel({
  name: 'roi_align_backward',
  inputs: ['dy', 'rois'],
  f32Inputs: ['rois'],
  outputs: ['dx'],
  attributes: ({
    inputShape,
    ...roi
  }: Given<RoiAlignBackwardAttrs, 'outputSize' | 'inputShape'>): RoiAlignBackwardAttrs => ({
    ...roiAlignAttrs(roi),
    inputShape,
  }),
  infer({ dy, rois }, attrs: RoiAlignBackwardAttrs) {
    expectInteger('roi_align_backward', 'samplingRatio', attrs.samplingRatio, -1);
    return { dx: inferRoiBackward('roi_align_backward', { dy, rois }, attrs) };
  },
  dispatches(caps, { dy, rois }, { dx }, attrs) {
    const { outputSize, spatialScale, samplingRatio, aligned, inputShape } = attrs;
    const [, height, width, c] = inputShape as [number, number, number, number];
    const { lanes, snippet, total, channels, gap } = blocksOf(caps, numel(dx.shape), c);
    const rows = roiRows(axis, { ALIGNED: aligned }, rois.shape[0]!, inputShape, spatialScale);
    return {
      scratch: rows.scratch,
      dispatches: [
        rows.dispatch,
        {
          shader: roiAlignBackwardShader,
          snippets: [snippet, axis, weight, roiList],
          types: { ...laneTypes(lanes, dy), U: laneType(lanes, wgslType(dy.dtype)) },
          constants: { LANES: lanes, ALIGNED: aligned },
          params: {
            total,
            height,
            width,
            channels,
            gap,
            pooled_h: outputSize[0],
            pooled_w: outputSize[1],
            ...rows.params,
            scale: spatialScale,
            samples: samplingRatio,
          },
          bind: { src: 'dy', dst: 'dx' },
          grid: total,
          epilogue: laneValue(lanes),
        },
      ],
    };
  },
});
