import { numel, type Shape, type TensorSpec } from '../../shape.ts';
import axis from '../../wgsl/roi/lib/roi_align_axis.wgsl';
import weight from '../../wgsl/roi/lib/roi_align_weight.wgsl';
import roiList from '../../wgsl/roi/lib/roi_list.wgsl';
import roiAlignShader from '../../wgsl/roi/roi_align.wgsl';
import roiAlignBackwardShader from '../../wgsl/roi/roi_align_backward.wgsl';
import roiAlignListedShader from '../../wgsl/roi/roi_align_listed.wgsl';
import roiAlignListsShader from '../../wgsl/roi/roi_align_lists.wgsl';
import { defineKernel, type Given, type KernelPlan, wgslType } from '../kernel.ts';
import { blocksOf, expectInteger, lanesOf, laneType, laneTypes, laneValue, pixelDims } from '../spatial.ts';
import { expectRois, inferRoiBackward, LIST_BYTES, type RoiAttrs, roiAttrs, roiRows } from './roi.ts';

export interface RoiAlignAttrs extends RoiAttrs {
  /** Samples a bin on each axis; -1: as many as the bin has cells, rounded up. Default -1. */
  readonly samplingRatio: number;
  /** Pixel centres lie at whole numbers plus a half; false: the older way, half a cell off (Detectron 1). Default false. */
  readonly aligned: boolean;
}

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
  dispatches(caps, { x, rois }, { y }, attrs) {
    const listed = caps.family === 'subgroup' ? planListed(x, rois, y, attrs) : undefined;
    if (listed) return listed;
    const { outputSize, spatialScale, samplingRatio, aligned } = attrs;
    const [images, height, width, c] = x.shape as [number, number, number, number];
    const { lanes, snippet, total, channels, gap } = blocksOf(caps, numel(y.shape), c);
    return {
      dispatches: [
        {
          shader: roiAlignShader,
          snippets: [snippet, axis],
          types: { ...laneTypes(lanes, x), U: laneType(lanes, wgslType(x.dtype)) },
          constants: { LANES: lanes, ALIGNED: aligned },
          params: {
            total,
            images,
            height,
            width,
            channels,
            gap,
            pooled_h: outputSize[0],
            pooled_w: outputSize[1],
            scale: spatialScale,
            samples: samplingRatio,
          },
          bind: { src: 'x', dst: 'y' },
          grid: total,
          epilogue: laneValue(lanes),
        },
      ],
    };
  },
});

/** For software adapters: cells and weights are listed first. Undefined where the lists or the grid do not hold it. */
function planListed(
  x: TensorSpec,
  rois: TensorSpec,
  y: TensorSpec,
  { outputSize, spatialScale, samplingRatio, aligned }: RoiAlignAttrs,
): KernelPlan | undefined {
  const [images, height, width, c] = x.shape as [number, number, number, number];
  const [pooledH, pooledW] = outputSize;
  const lanes = lanesOf(c);
  const channels = c / lanes;
  const COLUMNS = Math.min(64, 2 ** Math.ceil(Math.log2(Math.max(channels, 1))));
  const ROWS = 64 / COLUMNS;
  const regions = numel(y.shape) === 0 ? 0 : rois.shape[0]!;
  const fours = Math.ceil(pooledW / 4);
  // A sample touches two cells. Two rows share an entry.
  const touched = (size: number, bins: number) =>
    samplingRatio > 0 ? Math.min(size, 2 * samplingRatio * bins) : size;
  const rowRoom = Math.ceil(touched(height, 1) / 2);
  const columnRoom = touched(width, 4);
  const lists = regions * (pooledH + fours);
  const scratch = {
    words: (lists + regions * fours * columnRoom) * 4,
    rows: regions * pooledH * rowRoom * 16,
    columns: regions * fours * columnRoom * 16,
  };
  const grid = [Math.ceil(channels / COLUMNS), Math.ceil(regions / ROWS), pooledH * fours] as const;
  if (Math.max(...grid) > 65535 || Math.max(...Object.values(scratch)) > LIST_BYTES) return undefined;
  const shape = { pooled_h: pooledH, pooled_w: pooledW, fours, row_room: rowRoom, column_room: columnRoom };
  return {
    scratch,
    dispatches: [
      {
        shader: roiAlignListsShader,
        snippets: [axis, weight],
        constants: { ALIGNED: aligned },
        params: {
          total: lists,
          images,
          height,
          width,
          scale: spatialScale,
          samples: samplingRatio,
          ...shape,
        },
        grid: lists,
      },
      {
        shader: roiAlignListedShader,
        types: laneTypes(lanes, x),
        constants: { LANES: lanes, COLUMNS, ROWS },
        params: { regions, channels, below: width * channels, ...shape },
        bind: { src: 'x', dst: 'y' },
        grid,
        epilogue: laneValue(lanes),
      },
    ],
  };
}

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
