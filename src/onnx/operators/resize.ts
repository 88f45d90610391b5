import { interpolate } from '../../graph/functions/conv.ts';
import { add } from '../../graph/functions/elementwise.ts';
import { linear } from '../../graph/functions/reduce.ts';
import { gatherRows, permute } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { numel } from '../../shape.ts';
import { isFloatType } from '../dataTypes.ts';
import type { Call, Operators } from '../operator.ts';
import { channelsLast, natural, Value } from '../value.ts';
import { inFloats } from './elementwise.ts';

/** As large as the matrix of weights of an axis gets. */
const MOST_TAPS = 2 ** 26;

/** How a resize finds its values. */
interface Manner {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  readonly extrapolation: number;
}

/** One resized axis: from `size` to `out` elements, `scale` times as many. */
interface Axis {
  readonly axis: number;
  readonly size: number;
  readonly out: number;
  readonly scale: number;
  readonly roi: readonly [number, number];
}

/** What a result element is made of: pairs of input element and weight. Undefined: it lies outside of the image. */
type Taps = readonly (readonly [number, number])[] | undefined;

/** `align_corners` of PyTorch, which aligns the corners of the whole result, where ONNX takes a size with a fraction. */
const ALIGNED_WHOLE = 'pytorch_align_corners';

/** Where in the input element o of the result lies. */
function position({ size, out, scale, roi }: Axis, coordinates: string, o: number): number {
  // The size that the scale says, which need not be whole.
  const whole = size * scale;
  switch (coordinates) {
    case 'align_corners':
      return out === 1 ? 0 : (o * (size - 1)) / (whole > 1 ? whole - 1 : out - 1);
    case ALIGNED_WHOLE:
      return out === 1 ? 0 : (o * (size - 1)) / (out - 1);
    case 'asymmetric':
      return o / scale;
    case 'pytorch_half_pixel':
      return whole > 1 ? (o + 0.5) / scale - 0.5 : 0;
    case 'tf_half_pixel_for_nn':
      return (o + 0.5) / scale;
    case 'half_pixel_symmetric': {
      const adjustment = out / whole;
      return (size / 2) * (1 - adjustment) + (o + 0.5) / scale - 0.5;
    }
    case 'tf_crop_and_resize': {
      const [start, end] = roi;
      return out > 1
        ? start * (size - 1) + (o * (end - start) * (size - 1)) / (out - 1)
        : 0.5 * (start + end) * (size - 1);
    }
    default:
      return (o + 0.5) / scale - 0.5;
  }
}

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Keys' cubic kernel with coefficient a. */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

function tapsOf(axis: Axis, manner: Manner, o: number): Taps {
  const { size } = axis;
  const held = (index: number) => Math.min(Math.max(index, 0), size - 1);
  const x = position(axis, manner.coordinates, o);
  if (manner.coordinates === 'tf_crop_and_resize' && (x < 0 || x > size - 1)) return undefined;
  if (manner.mode === 'nearest') return [[held(roundings[manner.nearest]!(x)), 1]];
  // Kernels that are as wide as what one result element covers, where there are fewer of them.
  const stretch = manner.antialias && axis.scale < 1 ? 1 / axis.scale : 1;
  const weightAt = (distance: number) =>
    manner.mode === 'cubic'
      ? cubicWeight(distance / stretch, manner.cubic)
      : Math.max(0, 1 - Math.abs(distance / stretch));
  const reach = (manner.mode === 'cubic' ? 2 : 1) * stretch;
  const taps: [number, number][] = [];
  for (let i = Math.floor(x - reach) + 1; i < x + reach; i++) {
    const outside = i < 0 || i > size - 1;
    if (outside && (manner.excludeOutside || manner.antialias)) continue;
    taps.push([held(i), weightAt(i - x)]);
  }
  if (taps.length === 0) return [[held(Math.round(x)), 1]];
  const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
  return taps.map(([i, weight]) => [i, weight / total]);
}

/** Rows of x [N,size,…] along its second dimension by taps; elements outside are `fill`. */
function resampled(x: Tensor, taps: readonly Taps[], fill: number): Tensor {
  const [N, size, ...rest] = x.shape as [number, number, ...number[]];
  const width = numel(rest);
  const last = permute(x.reshape([N, size, width]), [0, 2, 1]);
  const matrix = new Float32Array(size * taps.length);
  const outside = new Float32Array(taps.length);
  taps.forEach((list, o) => {
    if (!list) outside[o] = fill;
    for (const [i, weight] of list ?? []) matrix[i * taps.length + o]! += weight;
  });
  const y = linear(last, tensor(matrix, [size, taps.length]));
  const filled = outside.some((value) => value !== 0) ? add(y, tensor(outside)) : y;
  return permute(filled, [0, 2, 1]).reshape([N, taps.length, ...rest]);
}

/** One element each: no arithmetic. */
function picked(x: Tensor, places: readonly number[]): Tensor {
  const [N, size, ...rest] = x.shape as [number, number, ...number[]];
  const index = tensor(
    Int32Array.from({ length: N * places.length }, (_, i) => places[i % places.length]!),
    [N, places.length],
  );
  return gatherRows(x.reshape([N, size, numel(rest)]), index, 1).reshape([N, places.length, ...rest]);
}

/** PyTorch's modes over images of two dimensions, which have a kernel of their own. Undefined for others. */
function byKernel(x: Value, axes: readonly Axis[], manner: Manner): Value | undefined {
  const images = x.rank === 4 && axes.every(({ axis }) => axis >= 2) && isFloatType(x.type);
  if (!images || manner.antialias || manner.excludeOutside) return undefined;
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const sizeOf = (axis: number, size: number) => axes.find((one) => one.axis === axis)?.out ?? size;
  const size = [sizeOf(2, H), sizeOf(3, W)] as const;
  const exact = axes.every(({ size, out, scale }) => Math.abs(size * scale - out) < 1e-6 * out);
  const { mode, coordinates, nearest, cubic } = manner;
  const half =
    coordinates === 'half_pixel' || (coordinates === 'pytorch_half_pixel' && size.every((side) => side > 1));
  const aligned = coordinates === 'align_corners';
  const smooth = mode === 'linear' || (mode === 'cubic' && cubic === -0.75);
  const whole = axes.every(({ scale }) => Number.isInteger(scale));
  if (N * C === 0) return undefined;
  const order = channelsLast(4);
  if (mode === 'nearest' && coordinates === 'asymmetric' && nearest === 'floor' && whole && exact) {
    return Value.of(x.type, interpolate(x.tensor(order), { size, mode: 'nearest' }), order);
  }
  if (!smooth || !exact || (!half && !aligned)) return undefined;
  const options = { mode: mode === 'linear' ? 'bilinear' : 'bicubic', alignCorners: aligned } as const;
  return Value.of(x.type, interpolate(x.tensor(order), { size, ...options }), order);
}

function resized(call: Call, x: Value, axes: readonly Axis[], manner: Manner): Value {
  const changing = axes.filter(
    ({ size, out, scale }) => size !== out || scale !== 1 || manner.coordinates === 'tf_crop_and_resize',
  );
  if (changing.length === 0) return x;
  if (axes.some(({ size, out }) => (size === 0) !== (out === 0)))
    call.damaged('an empty dimension cannot be resized');
  const wrong = changing.find(({ out, size }) => !(out >= 0 && out * size <= MOST_TAPS));
  if (wrong) call.refuse(`from ${wrong.size} to ${wrong.out} elements is not supported`);
  const fast = byKernel(x, changing, manner);
  if (fast) return fast;
  let y = x;
  for (const one of changing) {
    const order = x.order;
    const dim = order.indexOf(one.axis);
    const own = y.tensor(order);
    const [before, after] = [own.shape.slice(0, dim), own.shape.slice(dim + 1)];
    const rows = own.reshape([numel(before), one.size, numel(after)]);
    const taps = Array.from({ length: one.out }, (_, o) => tapsOf(one, manner, o));
    const places = taps.flatMap((list) => (list?.length === 1 && list[0]![1] === 1 ? [list[0]![0]] : []));
    // What is outside of the image in one axis is so in all: after others, their weights of 1 keep it.
    const result =
      places.length === taps.length
        ? picked(rows, places)
        : inFloats(rows, (floats) => resampled(floats, taps, manner.extrapolation));
    y = Value.of(x.type, result.reshape([...before, one.out, ...after]), order);
  }
  return y;
}

function mannerOf(call: Call): Manner {
  const { attrs, opset } = call;
  const manner: Manner = {
    mode: attrs.string('mode', 'nearest'),
    // Before opset 11 there was but one way.
    coordinates: opset < 11 ? 'asymmetric' : attrs.string('coordinate_transformation_mode', 'half_pixel'),
    nearest: opset < 11 ? 'floor' : attrs.string('nearest_mode', 'round_prefer_floor'),
    cubic: attrs.float('cubic_coeff_a', -0.75),
    excludeOutside: attrs.int('exclude_outside', 0) === 1,
    antialias: attrs.int('antialias', 0) === 1,
    extrapolation: attrs.float('extrapolation_value', 0),
  };
  if (!['nearest', 'linear', 'cubic'].includes(manner.mode))
    call.refuse(`mode "${manner.mode}" is not supported`);
  if (!Object.hasOwn(roundings, manner.nearest))
    call.refuse(`nearest_mode "${manner.nearest}" is not supported`);
  const known = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
  if (![...known, 'tf_crop_and_resize', 'tf_half_pixel_for_nn'].includes(manner.coordinates)) {
    call.refuse(`coordinate_transformation_mode "${manner.coordinates}" is not supported`);
  }
  if (manner.coordinates === 'align_corners' && call.producer === 'pytorch') {
    return { ...manner, coordinates: ALIGNED_WHOLE };
  }
  return manner;
}

/** Sizes for axes, as large as they can be with one scale for all (or as small). */
function keepingAspect(
  policy: string,
  sizes: readonly number[],
  own: readonly number[],
): { scale: number; out: number[] } {
  const ratios = sizes.map((size, i) => size / own[i]!);
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return { scale, out: own.map((size) => Math.floor(scale * size + 0.5)) };
}

/** Resizing. */
export const resizing: Operators = {
  Resize: {
    known: [1, 2, 3],
    run(call) {
      const x = call.input(0);
      const manner = mannerOf(call);
      const given = (index: number) => call.optionalNumbers(index) ?? [];
      const scales = call.opset < 11 ? given(1) : given(2);
      const sizes = call.opset < 11 ? [] : given(3);
      const roi = call.opset < 11 ? [] : given(1);
      const axes = call.attrs.ints('axes', natural(x.rank)).map((axis) => call.dim(axis, x.rank));
      const list = sizes.length > 0 ? sizes : scales;
      if (list.length !== axes.length) call.damaged(`${list.length} sizes for ${axes.length} dimensions`);
      const policy = call.attrs.string('keep_aspect_ratio_policy', 'stretch');
      const own = axes.map((axis) => x.shape[axis]!);
      const kept = sizes.length > 0 && policy !== 'stretch' ? keepingAspect(policy, sizes, own) : undefined;
      return resized(
        call,
        x,
        axes.map((axis, i): Axis => {
          const size = own[i]!;
          const out = kept ? kept.out[i]! : sizes.length > 0 ? sizes[i]! : Math.floor(size * scales[i]!);
          const scale = kept ? kept.scale : sizes.length > 0 ? out / size : scales[i]!;
          return { axis, size, out, scale, roi: [roi[i] ?? 0, roi[i + axes.length] ?? 1] };
        }),
        manner,
      );
    },
  },
  Upsample: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const scales = call.opset < 9 ? call.attrs.floats('scales') : call.numbers(1);
      if (scales.length !== x.rank) call.damaged(`${scales.length} scales for ${x.rank} dimensions`);
      const manner = { ...mannerOf(call), coordinates: 'asymmetric', nearest: 'floor' };
      return resized(
        call,
        x,
        scales.map((scale, axis) => {
          const size = x.shape[axis]!;
          return { axis, size, out: Math.floor(size * scale), scale, roi: [0, 1] };
        }),
        manner,
      );
    },
  },
};
