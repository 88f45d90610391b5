import { numel } from '../../../shape.ts';
import maxPoolBackwardShader from '../../../wgsl/pool/max_pool2d_backward.wgsl';
import { lanesOf, laneTypes, laneValue } from '../../spatial.ts';
import type { Strategy } from '../../strategy.ts';
import type { MaxPoolBackwardProblem } from '../maxPoolProblem.ts';

/** Any windows: an invocation gathers what its pixel gets. */
export const poolPixels: Strategy<MaxPoolBackwardProblem> = {
  name: 'pixels',
  plan({ specs: { dy }, outputs: { dx }, attrs }) {
    const { kernelSize, stride, padding, dilation, inputSize } = attrs;
    const c = dy.shape[3]!;
    const lanes = lanesOf(c);
    const total = numel(dx.shape) / lanes;
    return {
      dispatches: [
        {
          shader: maxPoolBackwardShader,
          types: laneTypes(lanes, dy),
          constants: { LANES: lanes },
          params: {
            total,
            height: inputSize[0],
            width: inputSize[1],
            channels: c / lanes,
            out_height: dy.shape[1]!,
            out_width: dy.shape[2]!,
            stride_h: stride[0],
            stride_w: stride[1],
            padding_h: padding[0],
            padding_w: padding[1],
            reach_h: dilation[0] * (kernelSize[0] - 1),
            reach_w: dilation[1] * (kernelSize[1] - 1),
          },
          grid: total,
          epilogue: laneValue(lanes),
        },
      ],
    };
  },
};
