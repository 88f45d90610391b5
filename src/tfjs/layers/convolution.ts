import { linear } from '../../graph/functions/reduce.ts';
import { convolved, deconvolved, depthwise, type Two } from '../windows.ts';
import { type BuildLayer, one } from './layer.ts';

/** Convolutions and dense layers. */
export const convolution: Readonly<Record<string, BuildLayer>> = {
  Conv2D(layer) {
    const [windows, activation, bias] = [layer.windows(1), layer.activation(), layer.bias()];
    const kernel = layer.weight('kernel').tensor;
    const groups = layer.number('groups', 1);
    return one((x) => activation(convolved(x, kernel, bias, windows, groups)));
  },
  Conv2DTranspose(layer) {
    const [windows, activation, bias] = [layer.windows(1), layer.activation(), layer.bias()];
    const kernel = layer.weight('kernel').tensor;
    if (layer.get('output_padding') !== undefined) layer.refuse('output_padding is not supported');
    const { stride, dilation, padding } = windows;
    const sizeOf = (size: number, i: 0 | 1): number => {
      const reach = ((kernel.shape[i] ?? 1) - 1) * dilation[i] + 1;
      return size * stride[i] + (padding === 'SAME' ? 0 : Math.max(reach - stride[i], 0));
    };
    return one((x) => {
      const size: Two = [sizeOf(x.shape[1] ?? 1, 0), sizeOf(x.shape[2] ?? 1, 1)];
      return activation(deconvolved(x, kernel, bias, windows, size));
    });
  },
  Dense(layer) {
    const [activation, bias] = [layer.activation(), layer.bias()];
    const kernel = layer.weight('kernel').tensor;
    return one((x) => activation(linear(x, kernel, bias)));
  },
  DepthwiseConv2D(layer) {
    const [windows, activation, bias] = [layer.windows(1), layer.activation(), layer.bias()];
    const kernel = layer.weight('depthwise_kernel').tensor;
    return one((x) => activation(depthwise(x, kernel, bias, windows)));
  },
  SeparableConv2D(layer) {
    const [windows, activation, bias] = [layer.windows(1), layer.activation(), layer.bias()];
    const [first, second] = [
      layer.weight('depthwise_kernel').tensor,
      layer.weight('pointwise_kernel').tensor,
    ];
    const points = { stride: [1, 1], dilation: [1, 1], padding: 'VALID' } as const;
    return one((x) => activation(convolved(depthwise(x, first, undefined, windows), second, bias, points)));
  },
};
