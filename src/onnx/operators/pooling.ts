import { avgPool2d, maxPool2d } from '../../graph/functions/conv.ts';
import { amax, mean } from '../../graph/functions/reduce.ts';
import { pad } from '../../graph/functions/shape.ts';
import type { Call, Operators, Run } from '../operator.ts';
import { channelsLast, Value } from '../value.ts';
import { image, ofImage } from './images.ts';
import { isEven, windowsOf } from './windows.ts';

const spatialDims = (rank: number): number[] => Array.from({ length: rank - 2 }, (_, i) => i + 1);

/** One value of each channel of an image of any rank. */
const global =
  (compute: typeof mean): Run =>
  (call) => {
    const x = call.input(0);
    const order = channelsLast(x.rank);
    const y = compute(x.tensor(order), { dim: spatialDims(x.rank), keepdim: true });
    return Value.of(x.type, y, order);
  };

function expectPlain(call: Call): void {
  if (call.node.outputs.length > 1 && call.node.outputs[1] !== '')
    call.refuse('the output Indices is not supported');
  if (call.attrs.int('storage_order', 0) !== 0) call.refuse('storage_order 1 is not supported');
}

/** Pooling. */
export const pooling: Operators = {
  AveragePool(call) {
    const x = call.input(0);
    const { kernel, stride, dilation, pads } = windowsOf(call, x, []);
    if (dilation.some((step) => step !== 1)) call.refuse('dilations are not supported');
    const options = {
      stride,
      ceilMode: call.attrs.int('ceil_mode', 0) === 1,
      countIncludePad: call.attrs.int('count_include_pad', 0) === 1,
    };
    if (!isEven(pads)) call.refuse('different padding on both sides is not supported');
    const padding = [pads[0][0], pads[1][0]] as const;
    return ofImage(x, avgPool2d(image(x), kernel, { ...options, padding }));
  },
  GlobalAveragePool: global(mean),
  GlobalMaxPool: global(amax),
  MaxPool(call) {
    expectPlain(call);
    const x = call.input(0);
    const { kernel, stride, dilation, pads } = windowsOf(call, x, []);
    const options = { stride, dilation, ceilMode: call.attrs.int('ceil_mode', 0) === 1 };
    if (isEven(pads) && pads.every(([before], i) => before <= kernel[i]! / 2)) {
      return ofImage(x, maxPool2d(image(x), kernel, { ...options, padding: [pads[0][0], pads[1][0]] }));
    }
    const padded = pad(image(x), [[0, 0], pads[0], pads[1], [0, 0]], { value: Number.NEGATIVE_INFINITY });
    return ofImage(x, maxPool2d(padded, kernel, options));
  },
};
