import { concat, expand, gatherRows, type Range, slice } from '../../graph/functions/shape.ts';
import { numel } from '../../shape.ts';
import { int64Tensor } from '../hostTensor.ts';
import { orderFor, placeOf } from '../layout.ts';
import type { Call, Operators } from '../operator.ts';
import { natural, Value } from '../value.ts';

/** Axes: an attribute at first, an input from opset 13 on. */
const axesOf = (call: Call): readonly number[] | undefined => {
  if (call.opset >= 13) return call.optionalNumbers(1);
  return call.attrs.has('axes') ? call.attrs.ints('axes') : undefined;
};

/** Shapes, and where elements lie. */
export const shapes: Operators = {
  Concat(call) {
    const values = call.all();
    const axis = call.dim(call.attrs.int('axis'), values[0]!.rank);
    const order = orderFor(values);
    const y = concat(
      values.map((value) => value.tensor(order)),
      placeOf(order, axis),
    );
    return Value.of(values[0]!.type, y, order);
  },
  Constant(call) {
    const { attrs } = call;
    if (attrs.has('value')) return Value.constant(attrs.tensor('value'));
    if (attrs.has('value_int'))
      return Value.constant({ ...int64Tensor([attrs.int('value_int')]), shape: [] });
    if (attrs.has('value_ints')) return Value.constant(int64Tensor(attrs.ints('value_ints')));
    const floats = attrs.has('value_float') ? [attrs.float('value_float')] : attrs.floats('value_floats', []);
    if (!attrs.has('value_float') && !attrs.has('value_floats')) {
      return call.refuse('of strings or sparse values is not supported');
    }
    const shape = attrs.has('value_float') ? [] : [floats.length];
    return Value.constant({ type: 'float', shape, data: Float32Array.from(floats) });
  },
  ConstantOfShape: {
    known: [0],
    run(call) {
      const shape = call.numbers(0);
      const value = call.attrs.has('value')
        ? call.attrs.tensor('value')
        : { type: 'float' as const, shape: [1], data: new Float32Array(1) };
      return Value.of(
        value.type,
        expand(Value.constant({ ...value, shape: shape.map(() => 1) }).tensor(), shape),
      );
    },
  },
  Dropout(call) {
    return call.input(0);
  },
  Expand: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const wanted = call.numbers(1);
      const rank = Math.max(wanted.length, x.rank);
      const own = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
      const shape = own.map((size, i) => {
        const other = wanted[i - rank + wanted.length] ?? 1;
        return size === 1 ? other : size;
      });
      return Value.of(x.type, expand(x.tensor().reshape(own), shape));
    },
  },
  Flatten(call) {
    const x = call.input(0);
    const axis = call.attrs.int('axis', 1);
    const from = axis === x.rank ? axis : call.dim(axis, x.rank);
    return x.reshaped([numel(x.shape.slice(0, from)), numel(x.shape.slice(from))]);
  },
  Gather(call) {
    const [x, index] = [call.input(0), call.input(1)];
    const axis = call.dim(call.attrs.int('axis', 0), x.rank);
    const n = x.shape[axis]!;
    const places =
      index.constant && Array.from(index.constant.data, (place) => (place < 0 ? place + n : place));
    // Rows of what lies from the axis on, the axis first.
    const order = [axis, ...natural(x.rank).filter((dim) => dim !== axis)];
    const others = order.slice(1).map((dim) => x.shape[dim]!);
    const before = x.shape.slice(0, axis);
    const after = x.shape.slice(axis + 1);
    if (!places) return call.refuse('indices that are computed are not supported');
    const wrong = places.find((place) => place < 0 || place >= n);
    if (wrong !== undefined) call.refuse(`index ${wrong} is outside of the ${n} of axis ${axis}`);
    const rows = x.tensor(order).reshape([n, numel(others)]);
    const picked = gatherRows(
      rows,
      Value.constant({
        ...index.constant!,
        data: Float64Array.from(places),
        shape: [places.length],
      }).tensor(),
    );
    const taken = picked.reshape([...index.shape, ...others]);
    const k = index.rank;
    // ONNX has the dimensions of the index where the axis was.
    const own = [...natural(before.length).map((i) => k + i)];
    const result = [...own, ...natural(k), ...natural(after.length).map((i) => k + before.length + i)];
    return Value.of(x.type, taken, natural(taken.shape.length)).transposed(result);
  },
  Identity(call) {
    return call.input(0);
  },
  Reshape: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const wanted = call.numbers(1);
      const copies = call.attrs.int('allowzero', 0) === 0;
      const sizes = wanted.map((size, i) => (size === 0 && copies ? x.shape[i]! : size));
      const rest = sizes.filter((size) => size !== -1);
      const shape = sizes.map((size) => (size === -1 ? x.size / (numel(rest) || 1) : size));
      return x.reshaped(shape);
    },
  },
  Shape(call) {
    const { shape, rank } = call.input(0);
    const clip = (place: number) => Math.min(Math.max(place < 0 ? place + rank : place, 0), rank);
    const [start, end] = [call.attrs.int('start', 0), call.attrs.int('end', rank)];
    return Value.constant(int64Tensor(shape.slice(clip(start), clip(end))));
  },
  Slice: {
    known: [1, 2, 3, 4],
    run(call) {
      const x = call.input(0);
      const { attrs } = call;
      const [starts, ends, axes, steps] =
        call.opset < 10
          ? [attrs.ints('starts'), attrs.ints('ends'), attrs.has('axes') ? attrs.ints('axes') : undefined]
          : [call.numbers(1), call.numbers(2), call.optionalNumbers(3), call.optionalNumbers(4)];
      const ranges: Range[] = x.order.map(() => []);
      starts.forEach((start, i) => {
        const axis = call.dim(axes?.[i] ?? i, x.rank);
        const step = steps?.[i] ?? 1;
        // "From the end on, backwards, to before the start" is written as a number below -size.
        const size = x.shape[axis]!;
        const end = ends[i]!;
        ranges[placeOf(x.order, axis)] = [start, step < 0 && end < -size ? null : end, step];
      });
      return Value.of(x.type, slice(x.tensor(x.order), ranges), x.order);
    },
  },
  Squeeze: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const axes = axesOf(call)?.map((axis) => call.dim(axis, x.rank));
      return x.reshaped(x.shape.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)));
    },
  },
  Transpose(call) {
    const x = call.input(0);
    return x.transposed(call.attrs.ints('perm', natural(x.rank).reverse()));
  },
  Unsqueeze: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const given = axesOf(call) ?? [];
      const rank = x.rank + given.length;
      const axes = given.map((axis) => call.dim(axis, rank));
      const sizes = x.shape[Symbol.iterator]();
      return x.reshaped(natural(rank).map((axis) => (axes.includes(axis) ? 1 : sizes.next().value!)));
    },
  },
};
