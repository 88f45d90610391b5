import { roiPool } from '../../graph/functions/boxes.ts';
import { avgPool2d, maxPool2d } from '../../graph/functions/conv.ts';
import { abs, add, equal, mul, pow, where } from '../../graph/functions/elementwise.ts';
import { scatter } from '../../graph/functions/indexing.ts';
import { amax, mean, norm } from '../../graph/functions/reduce.ts';
import { cast, gatherRows, pad } from '../../graph/functions/shape.ts';
import * as poolOps from '../../graph/operations/pool.ts';
import { apply, full, type Tensor, tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import type { Call, Operators, Run } from '../operator.ts';
import { channelsLast, Value } from '../value.ts';
import { inFloats } from './elementwise.ts';
import { alongDepth, image, ofImage } from './images.ts';
import { isEven, lastTwo, type Windows, windowsOf } from './windows.ts';

const spatialDims = (rank: number): number[] => Array.from({ length: rank - 2 }, (_, i) => i + 1);

/** One value of each channel of an image of any rank. */
const global =
  (compute: (x: Tensor, options: { dim: number[]; keepdim: boolean }, call: Call) => Tensor): Run =>
  (call) => {
    const x = call.input(0);
    const order = channelsLast(x.rank);
    const y = compute(x.tensor(order), { dim: spatialDims(x.rank), keepdim: true }, call);
    return Value.of(x.type, y, order);
  };

/** The windows of a pooling. What ceil_mode adds is in the pads: the last window that begins inside may reach over the end. */
function poolWindows(call: Call, x: Value): Windows & { readonly out: readonly number[] } {
  const windows = windowsOf(call, x, []);
  const { kernel, stride, dilation, pads } = windows;
  const ceil = call.attrs.int('ceil_mode', 0) === 1;
  const out = x.shape.slice(2).map((size, i) => {
    const room = size + pads[i]![0] + pads[i]![1] - (kernel[i]! - 1) * dilation[i]! - 1;
    const count = (ceil ? Math.ceil(room / stride[i]!) : Math.floor(room / stride[i]!)) + 1;
    // One that begins in the padding at the end is none.
    return ceil && (count - 1) * stride[i]! >= size + pads[i]![0] ? count - 1 : count;
  });
  const wide = x.shape.slice(2).map((size, i): readonly [number, number] => {
    const reach = (out[i]! - 1) * stride[i]! + (kernel[i]! - 1) * dilation[i]! + 1;
    return [pads[i]![0], reach - size - pads[i]![0]];
  });
  return { ...windows, pads: wide, out };
}

/** How many elements each window holds along a dimension. */
function counts(
  size: number,
  i: number,
  { kernel, stride, dilation, out }: ReturnType<typeof poolWindows>,
  [before, after]: readonly [number, number],
  includePad: boolean,
): number[] {
  const [low, high] = includePad ? [-before, size + after] : [0, size];
  return Array.from({ length: out[i]! }, (_, o) => {
    const taps = Array.from({ length: kernel[i]! }, (_, k) => o * stride[i]! - before + k * dilation[i]!);
    return taps.filter((place) => place >= low && place < high).length;
  });
}

/** Sums over windows: zeros around, then means times the number of elements. */
function windowSums(x: Value, windows: Windows): Value {
  const { kernel, stride, pads } = windows;
  const [size, step, sides] = [lastTwo(kernel, 1), lastTwo(stride, 1), lastTwo(pads, [0, 0] as const)];
  const sums = avgPool2d(pad(image(x), [[0, 0], ...sides, [0, 0]]), size, {
    stride: step,
    divisorOverride: 1,
  });
  const flat = ofImage(x, sums);
  if (x.rank < 5) return flat;
  const options = { stride: [stride[0]!, 1], divisorOverride: 1 } as const;
  return alongDepth(flat, (rows) =>
    avgPool2d(pad(rows, [[0, 0], pads[0]!, [0, 0], [0, 0]]), [kernel[0]!, 1], options),
  );
}

/** Means over windows, by sums and counts where padding differs on both sides. */
function averages(call: Call): Value {
  const x = call.input(0);
  const given = windowsOf(call, x, []);
  const windows = poolWindows(call, x);
  if (windows.dilation.some((step) => step !== 1)) call.refuse('dilations are not supported');
  const includePad = call.attrs.int('count_include_pad', 0) === 1;
  const { kernel, stride } = windows;
  const small = given.pads.every(
    ([before, after], i) => before === after && before <= kernel[i]! / 2 && before >= 0,
  );
  if (small && x.rank < 5) {
    const padding = lastTwo(
      given.pads.map(([before]) => before),
      0,
    );
    const options = { stride: lastTwo(stride, 1), countIncludePad: includePad, padding };
    const ceilMode = call.attrs.int('ceil_mode', 0) === 1;
    return ofImage(x, avgPool2d(image(x), lastTwo(kernel, 1), { ...options, ceilMode }));
  }
  const sums = windowSums(x, windows);
  const axes = x.shape.slice(2).map((size, i) => counts(size, i, windows, given.pads[i]!, includePad));
  const scales = axes.reduce<number[]>((all, axis) => all.flatMap((a) => axis.map((b) => a * b)), [1]);
  const scale = tensor(
    Float32Array.from(scales, (count) => 1 / count),
    [1, ...windows.out, 1],
  );
  const order = channelsLast(x.rank);
  return Value.of(x.type, mul(sums.tensor(order), scale), order);
}

/** Norms of order p over windows. */
function lpPool(call: Call): Value {
  const x = call.input(0);
  const p = call.attrs.int('p', 2);
  const powers = pow(abs(x.tensor(x.order)), p);
  const sums = windowSums(Value.of(x.type, powers, x.order), poolWindows(call, x));
  const total = sums.tensor(sums.order);
  const none = equal(total, 0);
  return Value.of(x.type, where(none, 0, pow(where(none, 1, total), 1 / p)), sums.order);
}

/** The numbers, in ONNX's order of all elements, of the maxima of images: from those in one channel's plane. */
function flatIndices(call: Call, x: Value, places: Tensor): Value {
  const [N, C] = x.shape as [number, number];
  const sizes = x.shape.slice(2);
  const plane = numel(sizes);
  const [N2, H, W] = places.shape as [number, number, number];
  const base = tensor(
    Int32Array.from({ length: N * C }, (_, i) => i * plane),
    [N, 1, 1, C],
  );
  const columnMajor = call.attrs.int('storage_order', 0) === 1 && sizes.length === 2;
  const own = columnMajor ? turned(places, sizes[0]!, sizes[1]!) : places;
  return ofImage(x, add(own.reshape([N2, H, W, C]), base)).as('int64');
}

/** Places of pixels in a plane, counted down the columns. */
function turned(places: Tensor, height: number, width: number): Tensor {
  const table = Int32Array.from(
    { length: height * width },
    (_, i) => (i % width) * height + Math.floor(i / width),
  );
  return gatherRows(tensor(table, [height * width, 1]), places.reshape([places.size])).reshape(places.shape);
}

function maxima(call: Call): Value | Value[] {
  const x = call.input(0);
  const windows = poolWindows(call, x);
  const { kernel, stride, dilation, pads } = windows;
  const wanted = (call.node.outputs[1] ?? '') !== '';
  if (wanted && x.rank > 4) call.refuse('the output Indices of three dimensions is not supported');
  const options = { stride: lastTwo(stride, 1), dilation: lastTwo(dilation, 1) };
  const size = lastTwo(kernel, 1);
  const sides = lastTwo(pads, [0, 0] as const);
  const least = { value: Number.NEGATIVE_INFINITY };
  const pooled = (own: Tensor): { y: Tensor; indices: Tensor } => {
    const even = isEven(sides) && sides.every(([before], i) => before >= 0 && before <= size[i]! / 2);
    if (even) return maxPool(own, size, { ...options, padding: [sides[0][0], sides[1][0]] });
    const found = maxPool(pad(own, [[0, 0], ...sides, [0, 0]], least), size, options);
    return wanted ? { ...found, indices: unpadded(found.indices, own, sides) } : found;
  };
  const own = image(x);
  const float = own.dtype === 'f32' ? own : cast(own, 'f32');
  const { y, indices } = pooled(float);
  const flat = ofImage(x, cast(y, own.dtype));
  if (wanted) return [flat, flatIndices(call, x, indices)];
  if (x.rank < 5) return flat;
  const depth = { stride: [stride[0]!, 1], dilation: [dilation[0]!, 1] } as const;
  return alongDepth(flat, (rows) =>
    inFloats(rows, (floats) =>
      maxPool2d(pad(floats, [[0, 0], pads[0]!, [0, 0], [0, 0]], least), [kernel[0]!, 1], depth),
    ),
  );
}

const maxPool = (x: Tensor, kernelSize: readonly [number, number], options: object) =>
  apply(poolOps.maxPool2d, { x }, { kernelSize, ...options });

/** Pixels of a padded image by their numbers in the image without. */
function unpadded(indices: Tensor, own: Tensor, sides: readonly (readonly [number, number])[]): Tensor {
  const [, H, W] = own.shape as [number, number, number];
  const [[top, bottom], [left, right]] = sides as [readonly [number, number], readonly [number, number]];
  const [height, width] = [H + top + bottom, W + left + right];
  const table = Int32Array.from(
    { length: height * width },
    (_, i) => (Math.floor(i / width) - top) * W + (i % width) - left,
  );
  return gatherRows(tensor(table, [table.length, 1]), indices.reshape([indices.size])).reshape(indices.shape);
}

/** Pooling. */
export const pooling: Operators = {
  AveragePool: averages,
  GlobalAveragePool: global(mean),
  GlobalLpPool: global((x, options, { attrs }) => norm(x, { ...options, p: attrs.int('p', 2) })),
  GlobalMaxPool: global(amax),
  LpPool: lpPool,
  MaxPool: maxima,
  MaxRoiPool(call) {
    const x = call.input(0);
    const [height, width] = call.attrs.ints('pooled_shape') as [number, number];
    const options = {
      outputSize: [height, width],
      spatialScale: call.attrs.float('spatial_scale', 1),
    } as const;
    const y = roiPool(image(x), call.input(1).tensor(), options);
    return Value.of(x.type, y, channelsLast(4));
  },
  MaxUnpool: {
    known: [2],
    run(call) {
      const [x, index] = [call.input(0), call.input(1)];
      const { kernel, stride, pads } = windowsOf(call, x, []);
      const sizes = x.shape
        .slice(2)
        .map((size, i) => (size - 1) * stride[i]! + kernel[i]! - pads[i]![0] - pads[i]![1]);
      const own = [...x.shape.slice(0, 2), ...sizes];
      const zeros = full([numel(own)], 0);
      const y = scatter(zeros, 0, index.tensor().reshape([index.size]), x.tensor().reshape([x.size])).reshape(
        own,
      );
      const shape = call.optionalNumbers(2) ?? own;
      return Value.of(
        x.type,
        pad(
          y,
          own.map((size, i) => [0, shape[i]! - size]),
        ),
      );
    },
  },
};
