import { numel } from '../../../shape.ts';
import axis from '../../../wgsl/roi/lib/roi_align_axis.wgsl';
import roiAlignShader from '../../../wgsl/roi/roi_align.wgsl';
import { wgslType } from '../../dispatch.ts';
import { blocksOf, laneType, laneTypes, laneValue } from '../../spatial.ts';
import type { Strategy } from '../../strategy.ts';
import type { RoiAlignProblem } from '../roiAlignProblem.ts';

/** An invocation reads the samples of its bin. */
export const direct: Strategy<RoiAlignProblem> = {
  name: 'direct',
  plan({ caps, specs: { x }, outputs: { y }, attrs }) {
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
};
