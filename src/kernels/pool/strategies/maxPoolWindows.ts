import { numel } from '../../../shape.ts';
import nan from '../../../wgsl/lib/nan.wgsl';
import maxPoolShader from '../../../wgsl/pool/max_pool2d.wgsl';
import { lanesOf, laneTypes, laneValue } from '../../spatial.ts';
import type { Strategy } from '../../strategy.ts';
import type { MaxPoolProblem } from '../maxPoolProblem.ts';

/** Any windows: an invocation reads its window. */
export const poolWindows: Strategy<MaxPoolProblem> = {
  name: 'windows',
  plan({ specs: { x }, outputs: { y }, attrs }) {
    const [, height, width, c] = x.shape as [number, number, number, number];
    const lanes = lanesOf(c);
    const total = numel(y.shape) / lanes;
    return {
      dispatches: [
        {
          shader: maxPoolShader,
          snippets: [nan],
          types: laneTypes(lanes, x),
          constants: { LANES: lanes },
          params: {
            total,
            height,
            width,
            channels: c / lanes,
            out_height: y.shape[1]!,
            out_width: y.shape[2]!,
            kernel_h: attrs.kernelSize[0],
            kernel_w: attrs.kernelSize[1],
            stride_h: attrs.stride[0],
            stride_w: attrs.stride[1],
            padding_h: attrs.padding[0],
            padding_w: attrs.padding[1],
            dilation_h: attrs.dilation[0],
            dilation_w: attrs.dilation[1],
            lowest: Number.NEGATIVE_INFINITY,
          },
          grid: total,
          epilogue: laneValue(lanes),
        },
      ],
    };
  },
};
