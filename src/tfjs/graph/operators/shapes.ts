import { add, less, mul, where } from '../../../graph/functions/elementwise.ts';
import {
  cast,
  concat,
  expand,
  flip,
  gatherRows,
  oneHot,
  pad,
  permute,
  type Range,
  slice,
  split,
  stack,
} from '../../../graph/functions/shape.ts';
import { full, type Tensor, tensor } from '../../../graph/tensor.ts';
import { numel } from '../../../shape.ts';
import { expectElements, type Two } from '../../windows.ts';
import type { Call, Operator, Operators, Run } from '../operator.ts';

const identity: Run = (call) => call.input(0);

/** Pairs of numbers for each dimension: a known input of shape [rank,2]. */
function pairsOf(call: Call, index: number): Two[] {
  const numbers = call.numbers(index);
  const pairs = call.input(0).shape.map((_, i): Two => [numbers[2 * i]!, numbers[2 * i + 1]!]);
  return numbers.length === 2 * pairs.length
    ? pairs
    : call.damaged(`input ${index} has no pair for each dimension`);
}

/** Mirrored with its edge: SYMMETRIC. */
function symmetric(x: Tensor, dim: number, [before, after]: Two): Tensor {
  const size = x.shape[dim]!;
  const part = (start: number, end: number): Tensor =>
    flip(
      slice(
        x,
        x.shape.map((_, i): Range => (i === dim ? [start, end] : [])),
      ),
      [dim],
    );
  const parts = [part(0, before), x, part(size - after, size)].filter(({ shape }) => shape[dim] !== 0);
  return parts.length > 1 ? concat(parts, dim) : x;
}

/** A slice with TensorFlow's bit masks. */
function strided(call: Call): Tensor {
  const x = call.input(0);
  const { attrs } = call;
  const [begin, end, strides] = [call.numbers(1), call.numbers(2), call.numbers(3)];
  const has = (mask: string, i: number): boolean => ((attrs.int(mask, 0) >> i) & 1) === 1;
  const named = begin.filter((_, i) => !has('new_axis_mask', i) && !has('ellipsis_mask', i)).length;
  const ranges: Range[] = [];
  const shape: ('kept' | 'new' | 'dropped')[] = [];
  for (let i = 0; i < begin.length; i++) {
    if (has('ellipsis_mask', i)) {
      for (let k = x.shape.length - named; k > 0; k--) {
        ranges.push([]);
        shape.push('kept');
      }
    } else if (has('new_axis_mask', i)) {
      shape.push('new');
    } else if (has('shrink_axis_mask', i)) {
      const [size = 1, first = 0] = [x.shape[ranges.length], begin[i]];
      const at = first < 0 ? first + size : first;
      ranges.push([at, at + 1]);
      shape.push('dropped');
    } else {
      const step = strides[i] ?? 1;
      // "To before the start", backwards, is written as a number below -size.
      const size = x.shape[ranges.length] ?? 0;
      const last = has('end_mask', i) || (step < 0 && end[i]! < -size) ? null : end[i];
      ranges.push([has('begin_mask', i) ? null : begin[i], last, step]);
      shape.push('kept');
    }
  }
  const y = slice(x, ranges);
  const sizes = y.shape[Symbol.iterator]();
  const kept: number[] = [];
  for (const kind of shape) {
    const size = kind === 'new' ? 1 : sizes.next().value!;
    if (kind !== 'dropped') kept.push(size);
  }
  return y.reshape([...kept, ...sizes]);
}

/** Rows of x by number along an axis; the dimensions of the index take the place of the axis. */
function gathered(call: Call): Tensor {
  const [x, index] = [call.input(0), call.input(1)];
  if (call.attrs.int('batch_dims', 0) !== 0) call.refuse('batch_dims is not supported');
  const axis = call.inputs[2] ? call.axis(call.number(2), x.shape.length) : 0;
  const dims = x.shape.map((_, i) => i);
  const first = [axis, ...dims.filter((dim) => dim !== axis)];
  const moved = axis === 0 ? x : permute(x, first);
  const others = moved.shape.slice(1);
  const rows = moved.reshape([moved.shape[0]!, numel(others)]);
  const places = where(less(index, 0), add(index, moved.shape[0]!), index);
  const taken = gatherRows(rows, places.reshape([index.size])).reshape([...index.shape, ...others]);
  if (axis === 0) return taken;
  const k = index.shape.length;
  const own = taken.shape.map((_, i) => i);
  return permute(taken, [...own.slice(k, k + axis), ...own.slice(0, k), ...own.slice(k + axis)]);
}

/** Elements or rows by their places along the first dimensions: index [...,depth]. */
function gatheredMany(call: Call): Tensor {
  const [x, index] = [call.input(0), call.input(1)];
  if (call.attrs.int('batch_dims', 0) !== 0) call.refuse('batch_dims is not supported');
  const depth = index.shape.at(-1) ?? 0;
  if (depth < 1 || depth > x.shape.length)
    call.damaged(`indices of ${depth} dimensions for rank ${x.shape.length}`);
  const [sizes, rest] = [x.shape.slice(0, depth), x.shape.slice(depth)];
  const lead = index.shape.slice(0, -1);
  const places = index.reshape([numel(lead), depth]);
  const parts = sizes.map((_, i) => mul(slice(places, [[], [i, i + 1]]), numel(sizes.slice(i + 1))));
  const number = parts.reduce(add).reshape([numel(lead)]);
  return gatherRows(x.reshape([numel(sizes), numel(rest)]), number).reshape([...lead, ...rest]);
}

function tiled(call: Call): Tensor {
  let y = call.input(0);
  const repeats = call.numbers(1);
  if (repeats.length !== y.shape.length)
    call.damaged(`${repeats.length} multiples for rank ${y.shape.length}`);
  repeats.forEach((count, axis) => {
    if (count === 1) return;
    // As rows of what comes from the axis on.
    const { shape } = y;
    const [before, after] = [numel(shape.slice(0, axis)), numel(shape.slice(axis))];
    y = expand(y.reshape([before, 1, after]), [before, count, after]).reshape(
      shape.with(axis, shape[axis]! * count),
    );
  });
  return y;
}

const padded: Operator = {
  known: [1, 2],
  run(call) {
    const value = call.inputs[2] ? call.number(2) : 0;
    return pad(call.input(0), pairsOf(call, 1), { value });
  },
};

const squeezed: Run = (call) => {
  const x = call.input(0);
  const given = [...call.attrs.ints('squeeze_dims'), ...call.attrs.ints('axis')];
  const axes = given.map((axis) => call.axis(axis, x.shape.length));
  return x.reshape(x.shape.filter((size, i) => (axes.length > 0 ? !axes.includes(i) : size !== 1)));
};

const integers = (values: readonly number[], shape?: readonly number[]): Tensor =>
  tensor(Int32Array.from(values), shape);

/** Where elements lie, and constants. */
export const shapes: Operators = {
  CheckNumerics: identity,
  Concat: {
    known: [0],
    run: (call) => concat(call.inputs.slice(1), call.number(0)),
  },
  ConcatV2: {
    known: [-1],
    run: (call) => concat(call.inputs.slice(0, -1), call.number(call.inputs.length - 1)),
  },
  ExpandDims: {
    known: [1],
    run(call) {
      const { shape } = call.input(0);
      const axis = call.axis(call.number(1), shape.length + 1);
      return call.input(0).reshape([...shape.slice(0, axis), 1, ...shape.slice(axis)]);
    },
  },
  Fill: {
    known: [0],
    run(call) {
      expectElements(call.node.label, numel(call.numbers(0)));
      return expand(call.input(1), call.numbers(0));
    },
  },
  Gather: gathered,
  GatherNd: gatheredMany,
  GatherV2: { known: [2], run: gathered },
  Identity: identity,
  IdentityN: (call) => call.inputs,
  MirrorPad: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const mode = call.attrs.string('mode', 'REFLECT');
      const pairs = pairsOf(call, 1);
      if (mode === 'REFLECT') return pad(x, pairs, { mode: 'reflect' });
      return pairs.reduce((y, pair, dim) => symmetric(y, dim, pair), x);
    },
  },
  OneHot: {
    known: [1],
    run(call) {
      const [on, off] = [call.input(2), call.input(3)];
      const axis = call.attrs.int('axis', -1);
      if (axis !== -1 && axis !== call.input(0).shape.length)
        call.refuse(`axis ${axis} is not supported; the last one is`);
      return where(cast(oneHot(call.input(0), call.number(1)), on.dtype), on, off);
    },
  },
  OnesLike: (call) => full(call.input(0).shape, 1, call.input(0).dtype),
  Pack: (call) => stack(call.inputs, call.attrs.int('axis', 0)),
  Pad: padded,
  PadV2: padded,
  PlaceholderWithDefault: identity,
  PreventGradient: identity,
  Range: {
    known: [0, 1, 2],
    run(call) {
      const [start, limit, delta] = [call.number(0), call.number(1), call.number(2)];
      const count = Math.max(0, Math.ceil((limit - start) / delta));
      expectElements(call.node.label, count);
      const values = Array.from({ length: count }, (_, i) => start + i * delta);
      return call.input(0).dtype === 'f32' ? tensor(Float32Array.from(values)) : integers(values);
    },
  },
  Rank: (call) => full([], call.input(0).shape.length, 'i32'),
  Reshape: {
    known: [1],
    run: (call) => call.input(0).reshape(call.numbers(1)),
  },
  ReverseV2: {
    known: [1],
    run: (call) => flip(call.input(0), call.numbers(1)),
  },
  Shape: (call) => integers(call.input(0).shape),
  Size: (call) => full([], call.input(0).size, 'i32'),
  Slice: {
    known: [1, 2],
    run(call) {
      const [starts, sizes] = [call.numbers(1), call.numbers(2)];
      return slice(
        call.input(0),
        starts.map((start, i): Range => [start, sizes[i] === -1 ? null : start + sizes[i]!]),
      );
    },
  },
  Split: {
    known: [0],
    run(call) {
      const x = call.input(1);
      const [axis, count] = [call.axis(call.number(0), x.shape.length), call.attrs.int('num_split')];
      return split(x, x.shape[axis]! / count, axis);
    },
  },
  SplitV: {
    known: [1, 2],
    run(call) {
      const x = call.input(0);
      const axis = call.axis(call.number(2), x.shape.length);
      const sizes = call.numbers(1);
      const rest =
        x.shape[axis]! - sizes.filter((size) => size !== -1).reduce((total, size) => total + size, 0);
      return split(
        x,
        sizes.map((size) => (size === -1 ? rest : size)),
        axis,
      );
    },
  },
  Squeeze: squeezed,
  StopGradient: (call) => call.input(0).detach(),
  StridedSlice: { known: [1, 2, 3], run: strided },
  Tile: { known: [1], run: tiled },
  Transpose: {
    known: [1],
    run: (call) => permute(call.input(0), call.numbers(1)),
  },
  Unpack(call) {
    const x = call.input(0);
    const axis = call.axis(call.attrs.int('axis', 0), x.shape.length);
    return split(x, 1, axis).map((part) => part.reshape(x.shape.filter((_, i) => i !== axis)));
  },
  ZerosLike: (call) => full(call.input(0).shape, 0, call.input(0).dtype),
};
