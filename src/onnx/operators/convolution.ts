import { conv2d, convTranspose2d } from '../../graph/functions/conv.ts';
import { add } from '../../graph/functions/elementwise.ts';
import { pad } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { isFloatType } from '../dataTypes.ts';
import type { Call, Operators } from '../operator.ts';
import type { Order, Value } from '../value.ts';
import { image, ofImage } from './images.ts';
import { isEven, type Windows, windowsOf } from './windows.ts';

/** A filter's order here: [O,I,kh,kw] as [kh,kw,I,O], and [I,O,kh,kw] of transposed ones as [kh,kw,O,I]. */
const filterOrder = (rank: number): Order => (rank === 4 ? [2, 3, 1, 0] : [2, 1, 0]);

function filter(weight: Value): Tensor {
  const tensor = weight.tensor(filterOrder(weight.rank));
  return weight.rank === 4 ? tensor : tensor.reshape([1, ...tensor.shape]);
}

const weightOrder = (index: number, rank: number): Order | undefined =>
  index === 1 && (rank === 3 || rank === 4) ? filterOrder(rank) : undefined;

function operands(call: Call): { x: Value; weight: Value; bias: Tensor | undefined } {
  const x = call.input(0);
  if (!isFloatType(x.type)) call.refuse(`of ${x.type}; only floats are supported`);
  return { x, weight: call.input(1), bias: call.inputs[2]?.tensor() };
}

/** Convolutions. */
export const convolution: Operators = {
  Conv: {
    weights: [1, 2],
    weightOrder,
    run(call) {
      const { x, weight, bias } = operands(call);
      const { stride, dilation, pads } = windowsOf(call, x, weight.shape.slice(2));
      const options = { stride, dilation, groups: call.attrs.int('group', 1) };
      if (isEven(pads)) {
        const padding = [pads[0][0], pads[1][0]] as const;
        return ofImage(x, conv2d(image(x), filter(weight), bias, { ...options, padding }));
      }
      const padded = pad(image(x), [[0, 0], pads[0], pads[1], [0, 0]]);
      return ofImage(x, conv2d(padded, filter(weight), bias, options));
    },
  },
  ConvTranspose: {
    weights: [1, 2],
    weightOrder,
    run(call) {
      const { x, weight, bias } = operands(call);
      const { kernel, stride, dilation, pads, extra } = transposedWindows(call, x, weight);
      const options = { stride, dilation, groups: call.attrs.int('group', 1) };
      const fits = extra.every((more, i) => more < Math.max(stride[i]!, dilation[i]!));
      if (isEven(pads) && fits && pads.every(([before], i) => before >= 0 && before < kernel[i]!)) {
        const padding = [pads[0][0], pads[1][0]] as const;
        const given = { ...options, padding, outputPadding: extra };
        return ofImage(x, convTranspose2d(image(x), filter(weight), bias, given));
      }
      const whole = convTranspose2d(image(x), filter(weight), undefined, options);
      // Pads cut the result; where it grows, what is added is the bias alone.
      const sides = pads.map(([before, after], i): readonly [number, number] => [-before, extra[i]! - after]);
      const y = pad(whole, [[0, 0], sides[0]!, sides[1]!, [0, 0]]);
      return ofImage(x, bias ? add(y, bias) : y);
    },
  },
};

/** The windows of a transposed convolution: auto_pad and output_shape are of its result. `extra`: rows and columns at the end. */
function transposedWindows(
  call: Call,
  x: Value,
  weight: Value,
): Windows & { readonly extra: readonly [number, number] } {
  const { attrs } = call;
  const windows = windowsOf(call, x, weight.shape.slice(2));
  const { kernel, stride, dilation, flat } = windows;
  const more = attrs.ints('output_padding', flat ? [0] : [0, 0]);
  const extra = flat ? ([0, more[0]!] as const) : ([more[0]!, more[1]!] as const);
  const auto = attrs.string('auto_pad', 'NOTSET');
  const wanted = attrs.has('output_shape') ? attrs.ints('output_shape').slice(flat ? -1 : -2) : undefined;
  if (!wanted && !auto.startsWith('SAME')) return { ...windows, extra };
  const sizes = flat ? [1, x.shape[2]!] : x.shape.slice(2);
  const sides = sizes.map((size, i): readonly [number, number] => {
    const full = (size - 1) * stride[i]! + (kernel[i]! - 1) * dilation[i]! + 1 + extra[i]!;
    const out = wanted ? (flat ? [1, ...wanted] : wanted)[i]! : size * stride[i]!;
    const total = full - out;
    const less = Math.floor(total / 2);
    return auto === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
  });
  return { ...windows, pads: [sides[0]!, sides[1]!], extra };
}
