import { add, less, maximum, minimum, mul, sub, where } from '../../graph/functions/elementwise.ts';
import { gather, scatter, scatterAdd } from '../../graph/functions/indexing.ts';
import { cast, expand, gatherRows, oneHot, permute } from '../../graph/functions/shape.ts';
import { full, type Tensor, tensor } from '../../graph/tensor.ts';
import { numel, type Shape } from '../../shape.ts';
import type { Call, Operators, Run } from '../operator.ts';
import { natural, Value } from '../value.ts';
import { wrapped } from './elementwise.ts';

/** Indices from 0 on: negative ones count from the end. Known ones are checked. */
function placesIn(call: Call, index: Value, size: number): Tensor {
  if (!index.constant) return fromStart(index.tensor(), size);
  const places = Int32Array.from(index.constant.data, (place) => (place < 0 ? place + size : place));
  const wrong = places.find((place) => place < 0 || place >= size);
  if (wrong !== undefined) call.refuse(`index ${wrong} is outside of the ${size} of its axis`);
  return tensor(places, index.shape);
}

const fromStart = (index: Tensor, size: number): Tensor => where(less(index, 0), add(index, size), index);

/** Rows of x by number along an axis; the dimensions of the index take the place of the axis. */
export function gathered(call: Call, x: Value, index: Value, axis: number): Value {
  const n = x.shape[axis]!;
  // Rows of what lies from the axis on, the axis first.
  const order = [axis, ...natural(x.rank).filter((dim) => dim !== axis)];
  const others = order.slice(1).map((dim) => x.shape[dim]!);
  const places = placesIn(call, index, n);
  const rows = x.tensor(order).reshape([n, numel(others)]);
  const taken = gatherRows(rows, places.reshape([index.size])).reshape([...index.shape, ...others]);
  const k = index.rank;
  // ONNX has the dimensions of the index where the axis was.
  const before = natural(axis).map((i) => k + i);
  const after = natural(x.rank - axis - 1).map((i) => k + axis + i);
  return Value.of(x.type, taken).transposed([...before, ...natural(k), ...after]);
}

/** Indices [...,depth] of elements or rows of a shape, as numbers of rows: [K]. */
function rowNumbers(call: Call, index: Value, sizes: Shape): Tensor {
  const K = index.size / sizes.length;
  const [columns, strides] = [
    index.tensor().reshape([K, sizes.length]),
    sizes.map((_, i) => numel(sizes.slice(i + 1))),
  ];
  const limits = tensor(Int32Array.from(sizes));
  const places = where(less(columns, 0), add(columns, limits), columns);
  if (index.constant) {
    for (let i = 0; i < index.size; i++) {
      const [place, size] = [index.constant.data[i]!, sizes[i % sizes.length]!];
      if (place < -size || place >= size) call.refuse(`index ${place} is outside of the ${size} of its axis`);
    }
  }
  return sizes
    .map((_, i) => mul(gather(places, 1, full([K, 1], i, 'i32')), strides[i]!))
    .reduce((total, part) => add(total, part))
    .reshape([K]);
}

type Combine = (call: Call, x: Tensor, dim: number, index: Tensor, src: Tensor) => Tensor;

/** How what is there and what is put in make the result, by the attribute `reduction`. */
const combinations: Readonly<Record<string, Combine>> = {
  none: (_, x, dim, index, src) => scatter(x, dim, index, src),
  add: (_, x, dim, index, src) => scatterAdd(x, dim, index, src),
  mul: (call, x, dim, index, src) => onceEach(call, x, dim, index, src, mul),
  max: (call, x, dim, index, src) => onceEach(call, x, dim, index, src, maximum),
  min: (call, x, dim, index, src) => onceEach(call, x, dim, index, src, minimum),
};

/** One index after the other, since each may occur several times. */
function onceEach(
  call: Call,
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  combine: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  const count = index.shape[dim]!;
  if (count > 64)
    call.refuse(`reduction "${call.attrs.string('reduction')}" of ${count} indices; 64 are supported`);
  let y = x;
  for (let i = 0; i < count; i++) {
    const at = full(index.shape.with(dim, 1), i, 'i32');
    const [place, value] = [gather(index, dim, at), gather(src, dim, at)];
    y = scatter(y, dim, place, combine(gather(y, dim, place), value));
  }
  return y;
}

function combination(call: Call): Combine {
  const name = call.attrs.string('reduction', 'none');
  return Object.hasOwn(combinations, name)
    ? combinations[name]!
    : call.refuse(`reduction "${name}" is not supported`);
}

const scatterElements: Run = (call) => {
  const [x, index, updates] = [call.input(0), call.input(1), call.input(2)];
  const axis = call.dim(call.attrs.int('axis', 0), x.rank);
  const places = placesIn(call, index, x.shape[axis]!);
  const y = combination(call)(call, x.tensor(), axis, places, updates.tensor());
  return Value.of(x.type, wrapped(x.type, y));
};

/** Elements and rows by number. */
export const indexing: Operators = {
  Compress: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const flat = !call.attrs.has('axis');
      const from = flat ? x.reshaped([x.size]) : x;
      const axis = flat ? 0 : call.dim(call.attrs.int('axis'), x.rank);
      const places = call.numbers(1).flatMap((keep, i) => (keep && i < from.shape[axis]! ? [i] : []));
      return gathered(call, from, int64(places, [places.length]), axis);
    },
  },
  Gather(call) {
    const x = call.input(0);
    return gathered(call, x, call.input(1), call.dim(call.attrs.int('axis', 0), x.rank));
  },
  GatherElements(call) {
    const [x, index] = [call.input(0), call.input(1)];
    const axis = call.dim(call.attrs.int('axis', 0), x.rank);
    return Value.of(x.type, gather(x.tensor(), axis, placesIn(call, index, x.shape[axis]!)));
  },
  GatherND(call) {
    const [x, index] = [call.input(0), call.input(1)];
    const batch = call.attrs.int('batch_dims', 0);
    const depth = index.shape.at(-1)!;
    const sizes = x.shape.slice(batch, batch + depth);
    const rest = x.shape.slice(batch + depth);
    const B = numel(x.shape.slice(0, batch));
    const numbers = rowNumbers(call, index, sizes).reshape([B, index.size / depth / B]);
    const rows = x.tensor().reshape([B, numel(sizes), numel(rest)]);
    return Value.of(x.type, gatherRows(rows, numbers, 1).reshape([...index.shape.slice(0, -1), ...rest]));
  },
  NonZero: {
    known: [0],
    run(call) {
      const x = call.input(0);
      const data = call.numbers(0);
      const places = data.flatMap((value, i) => (value !== 0 ? [i] : []));
      const strides = x.shape.map((_, axis) => numel(x.shape.slice(axis + 1)));
      const coordinates = x.shape.flatMap((size, axis) =>
        places.map((place) => Math.floor(place / strides[axis]!) % size),
      );
      return int64(coordinates, [x.rank, places.length]);
    },
  },
  OneHot: {
    known: [1],
    run(call) {
      const [index, values] = [call.input(0), call.input(2)];
      const depth = call.number(1);
      const axis = call.dim(call.attrs.int('axis', -1), index.rank + 1);
      const hot = oneHot(fromStart(cast(index.tensor(), 'i32'), depth), depth);
      const [off, on] = [0, 1].map((i) =>
        gatherRows(values.tensor().reshape([2, 1]), full([1], i, 'i32')).reshape([]),
      );
      const y = where(cast(hot, values.tensor().dtype), on!, off!);
      const rank = index.rank + 1;
      const order = natural(rank - 1);
      return Value.of(values.type, permute(y, [...order.slice(0, axis), rank - 1, ...order.slice(axis)]));
    },
  },
  ReverseSequence(call) {
    const [x, lengths] = [call.input(0), call.input(1)];
    const [time, batch] = [call.attrs.int('time_axis', 0), call.attrs.int('batch_axis', 1)];
    const order = [batch, time, ...natural(x.rank).filter((axis) => axis !== batch && axis !== time)];
    const [B, T, ...rest] = order.map((axis) => x.shape[axis]!) as [number, number, ...number[]];
    const steps = expand(tensor(Int32Array.from(natural(T)), [1, T]), [B, T]);
    const length = lengths.tensor().reshape([B, 1]);
    const places = where(less(steps, length), sub(sub(length, 1), steps), steps);
    const rows = gatherRows(x.tensor(order).reshape([B, T, numel(rest)]), places, 1);
    return Value.of(x.type, rows.reshape([B, T, ...rest]), order);
  },
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND(call) {
    const [x, index, updates] = [call.input(0), call.input(1), call.input(2)];
    const depth = index.shape.at(-1)!;
    const [sizes, rest] = [x.shape.slice(0, depth), x.shape.slice(depth)];
    const [R, width, K] = [numel(sizes), numel(rest), index.size / depth];
    const numbers = expand(rowNumbers(call, index, sizes).reshape([K, 1]), [K, width]);
    const rows = x.tensor().reshape([R, width]);
    const y = combination(call)(call, rows, 0, numbers, updates.tensor().reshape([K, width]));
    return Value.of(x.type, wrapped(x.type, y.reshape(x.shape)));
  },
};

const int64 = (data: readonly number[], shape: Shape): Value =>
  Value.constant({ type: 'int64', shape, data: Float64Array.from(data) });
