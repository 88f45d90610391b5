import { concat, expand, type PadMode, pad, type Range, slice, split } from '../../graph/functions/shape.ts';
import { full, type Tensor } from '../../graph/tensor.ts';
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

const PAD_MODES: Readonly<Record<string, PadMode>> = {
  constant: 'constant',
  reflect: 'reflect',
  edge: 'replicate',
  wrap: 'circular',
};

/** Negative sides crop, in all modes. */
function padded(
  x: Tensor,
  sides: readonly (readonly [number, number])[],
  mode: PadMode,
  value: number,
): Tensor {
  if (mode === 'constant') return pad(x, sides, { value });
  const cropped = sides.some((pair) => pair.some((side) => side < 0))
    ? pad(
        x,
        sides.map(([before, after]) => [Math.min(before, 0), Math.min(after, 0)]),
      )
    : x;
  const rest = sides.map(([before, after]) => [Math.max(before, 0), Math.max(after, 0)] as const);
  return pad(cropped, rest, { mode });
}

/** A slice of any rank: of many dimensions one after the other. */
function sliced(x: Tensor, ranges: readonly Range[]): Tensor {
  if (x.shape.length <= 6) return slice(x, ranges);
  return ranges.reduce((y, range, axis) => {
    if (range.length === 0) return y;
    const { shape } = y;
    const rows = y.reshape([numel(shape.slice(0, axis)), shape[axis]!, numel(shape.slice(axis + 1))]);
    const part = slice(rows, [[], range, []]);
    return part.reshape(shape.with(axis, part.shape[1]!));
  }, x);
}

/** Shapes, and where elements lie. */
export const shapes: Operators = {
  Concat(call) {
    const values = call.all();
    const axis = call.dim(call.attrs.int('axis', call.opset < 4 ? 1 : undefined), values[0]!.rank);
    const order = orderFor(values);
    const y = concat(
      values.map((value) => value.tensor(order)),
      placeOf(order, axis),
    );
    return Value.of(values[0]!.type, y, order);
  },
  Dropout: {
    known: [1, 2],
    run(call) {
      const x = call.input(0);
      // Before opset 12 there is no switch: a model is loaded to run, or to be fine-tuned without.
      const training = call.opset >= 12 && call.number(2, 0) !== 0;
      if (training && call.number(1, 0.5) !== 0) call.refuse('training_mode with a ratio above 0 is random');
      if ((call.node.outputs[1] ?? '') === '') return x;
      // The mask of what stays: all of it.
      return [x, Value.of('bool', expand(full([], 1, 'i32'), x.shape))];
    },
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
  Identity(call) {
    return call.input(0);
  },
  Pad: {
    known: [1, 2, 3],
    run(call) {
      const x = call.input(0);
      const { attrs, opset } = call;
      const given = opset < 11 ? attrs.ints('pads') : call.numbers(1);
      const value = opset < 11 ? attrs.float('value', 0) : call.number(2, 0);
      const axes = (call.optionalNumbers(3) ?? natural(x.rank)).map((axis) => call.dim(axis, x.rank));
      const mode = PAD_MODES[attrs.string('mode', 'constant')];
      if (!mode) return call.refuse(`mode "${attrs.string('mode')}" is not supported`);
      const sides = x.order.map((axis): readonly [number, number] => {
        const i = axes.indexOf(axis);
        return i < 0 ? [0, 0] : [given[i]!, given[i + axes.length]!];
      });
      return Value.of(x.type, padded(x.tensor(x.order), sides, mode, value), x.order);
    },
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
  Size(call) {
    return Value.constant({ ...int64Tensor([call.input(0).size]), shape: [] });
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
      return Value.of(x.type, sliced(x.tensor(x.order), ranges), x.order);
    },
  },
  Split: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const { attrs, node } = call;
      const axis = call.dim(attrs.int('axis', 0), x.rank);
      const size = x.shape[axis]!;
      const count = attrs.int('num_outputs', node.outputs.length);
      if (count < node.outputs.length || count > 2 ** 16) call.damaged(`num_outputs is ${count}`);
      const given =
        call.opset < 13 ? (attrs.has('split') ? attrs.ints('split') : undefined) : call.optionalNumbers(1);
      // The last part may be smaller.
      const part = Math.ceil(size / count);
      const sizes = given ?? natural(count).map((i) => Math.max(Math.min(part, size - i * part), 0));
      const parts = split(x.tensor(x.order), sizes, placeOf(x.order, axis));
      return parts.map((tensor) => Value.of(x.type, tensor, x.order));
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
  Tile: {
    known: [1],
    run(call) {
      const x = call.input(0);
      const repeats = call.numbers(1);
      let tensor = x.tensor();
      repeats.forEach((count, axis) => {
        if (count === 1) return;
        // As rows of what comes from the axis on.
        const { shape } = tensor;
        const [before, after] = [numel(shape.slice(0, axis)), numel(shape.slice(axis))];
        const rows = expand(tensor.reshape([before, 1, after]), [before, count, after]);
        tensor = rows.reshape(shape.with(axis, shape[axis]! * count));
      });
      return Value.of(x.type, tensor);
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
