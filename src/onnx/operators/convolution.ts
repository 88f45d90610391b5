import { conv2d, convTranspose2d } from '../../graph/functions/conv.ts';
import { add } from '../../graph/functions/elementwise.ts';
import { pad, slice } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { isFloatType } from '../dataTypes.ts';
import type { Call, Operators } from '../operator.ts';
import { channelsLast, type Order, Value } from '../value.ts';
import { image, ofImage } from './images.ts';
import { isEven, lastTwo, type Windows, windowsOf } from './windows.ts';

/** A filter's order here: [O,I,kh,kw] as [kh,kw,I,O], and [I,O,kh,kw] of transposed ones as [kh,kw,O,I]. */
const filterOrder = (rank: number): Order => [...channelsLast(rank).slice(1, -1), 1, 0];

function filter(weight: Value): Tensor {
  const tensor = weight.tensor(filterOrder(weight.rank));
  return weight.rank === 4 ? tensor : tensor.reshape([1, ...tensor.shape]);
}

const weightOrder = (index: number, rank: number): Order | undefined =>
  index === 1 && rank >= 3 && rank <= 5 ? filterOrder(rank) : undefined;

function operands(call: Call): { x: Value; weight: Value; bias: Tensor | undefined } {
  const x = call.input(0);
  if (!isFloatType(x.type)) call.refuse(`of ${x.type}; only floats are supported`);
  const weight = call.input(1);
  if (weight.rank !== x.rank) call.damaged(`the weight has rank ${weight.rank}, its input ${x.rank}`);
  return { x, weight, bias: call.inputs[2]?.tensor() };
}

/**
 * A convolution of x with a weight. `exact`: they hold whole numbers, and so does the result, where sums stay below 2^24.
 */
export function convolved(call: Call, x: Value, weight: Value, bias?: Tensor, exact = false): Value {
  const windows = windowsOf(call, x, weight.shape.slice(2));
  const groups = call.attrs.int('group', 1);
  if (x.rank === 5) return inVolume(x, weight, bias, windows, groups);
  const { stride, dilation, pads } = windows;
  const [rows, columns] = lastTwo(pads, [0, 0]);
  const options = { stride: lastTwo(stride, 1), dilation: lastTwo(dilation, 1), groups };
  if (exact && windows.kernel.join() === '3,3' && Math.max(...options.dilation) === 1) {
    // Winograd's tiles compute with sixths. They are of 3x3: with a column of zeros the filter is none for them.
    const wider = pad(filter(weight), [
      [0, 0],
      [0, 1],
      [0, 0],
      [0, 0],
    ]);
    const padded = pad(image(x), [[0, 0], rows, [columns[0], columns[1] + 1], [0, 0]]);
    return ofImage(x, conv2d(padded, wider, bias, options));
  }
  if (isEven(pads) && pads.every(([before]) => before >= 0)) {
    return ofImage(x, conv2d(image(x), filter(weight), bias, { ...options, padding: [rows[0], columns[0]] }));
  }
  const padded = pad(image(x), [[0, 0], rows, columns, [0, 0]]);
  return ofImage(x, conv2d(padded, filter(weight), bias, options));
}

/** A convolution of a volume: the sum of those of its slices. */
function inVolume(
  x: Value,
  weight: Value,
  bias: Tensor | undefined,
  windows: Windows,
  groups: number,
): Value {
  const { kernel, stride, dilation, pads } = windows;
  const order = channelsLast(5);
  const volume = pad(x.tensor(order), [[0, 0], ...pads, [0, 0]]);
  const [N, D, H, W, C] = volume.shape as [number, number, number, number, number];
  const filters = weight.tensor(filterOrder(5));
  const depth = Math.floor((D - (kernel[0]! - 1) * dilation[0]! - 1) / stride[0]!) + 1;
  const options = { stride: lastTwo(stride, 1), dilation: lastTwo(dilation, 1), groups };
  const parts = Array.from({ length: kernel[0]! }, (_, k) => {
    const first = k * dilation[0]!;
    const slices = slice(volume, [[], [first, first + (depth - 1) * stride[0]! + 1, stride[0]!]]);
    const taps = slice(filters, [[k, k + 1]]).reshape(filters.shape.slice(1));
    return conv2d(slices.reshape([N * depth, H, W, C]), taps, k === 0 ? bias : undefined, options);
  });
  const y = parts.reduce((total, part) => add(total, part));
  return Value.of(x.type, y.reshape([N, depth, ...y.shape.slice(1)]), order);
}

/** Convolutions. */
export const convolution: Operators = {
  Conv: {
    weights: [1, 2],
    weightOrder,
    run(call) {
      const { x, weight, bias } = operands(call);
      return convolved(call, x, weight, bias);
    },
  },
  ConvTranspose: {
    weights: [1, 2],
    weightOrder,
    run(call) {
      const { x, weight, bias } = operands(call);
      if (x.rank > 4) call.refuse('of three dimensions besides batch and channels is not supported');
      const windows = transposedWindows(call, x, weight);
      const { extra } = windows;
      const [kernel, stride, dilation] = [windows.kernel, windows.stride, windows.dilation].map((values) =>
        lastTwo(values, 1),
      );
      const pads = lastTwo(windows.pads, [0, 0]);
      const options = { stride: stride!, dilation: dilation!, groups: call.attrs.int('group', 1) };
      const fits = extra.every((more, i) => more < Math.max(stride![i]!, dilation![i]!));
      if (isEven(pads) && fits && pads.every(([before], i) => before >= 0 && before < kernel![i]!)) {
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
  const { kernel, stride, dilation } = windows;
  const more = attrs.ints(
    'output_padding',
    kernel.map(() => 0),
  );
  const extra = lastTwo(more, 0);
  const auto = attrs.string('auto_pad', 'NOTSET');
  const wanted = attrs.has('output_shape') ? attrs.ints('output_shape').slice(-kernel.length) : undefined;
  if (!wanted && !auto.startsWith('SAME')) return { ...windows, extra };
  const pads = x.shape.slice(2).map((size, i): readonly [number, number] => {
    const full = (size - 1) * stride[i]! + (kernel[i]! - 1) * dilation[i]! + 1 + more[i]!;
    const total = full - (wanted ? wanted[i]! : size * stride[i]!);
    const less = Math.floor(total / 2);
    return auto === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
  });
  return { ...windows, pads, extra };
}
