import type { Tensor } from '../../../graph/tensor.ts';
import { natural, type Order } from '../../value.ts';
import type { Call, Outputs } from '../call.ts';
import { TYPES } from '../protos.ts';
import { isFixed } from '../sizes.ts';
import type { Rows } from './types.ts';

/** Before the first element: where a walk backwards ends. */
const BEFORE_ALL = -(2 ** 31);

/** Inputs x0, x1, … in order. */
const list = (call: Call<object>): [string, Tensor][] =>
  Object.entries(call.node.inputs).sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)));

/** Writes an operation on x that treats dimensions by number: in whatever order x is. */
function placed(call: Call<object>, write: (x: string, place: (dim: number) => number) => string): Outputs {
  const order = call.order('x');
  const name = write(call.name('x', order), (dim) => order.indexOf(dim));
  return { y: { name, order } };
}

/** Slices along some dimensions. */
function sliced(
  call: Call<object>,
  x: string,
  parts: readonly {
    readonly axis: number;
    readonly start: number;
    readonly end: number;
    readonly step: number;
  }[],
): string {
  if (parts.length === 0) return call.emit('Identity', [x]);
  const of = (key: 'axis' | 'start' | 'end' | 'step') => call.writer.ints(parts.map((part) => part[key]));
  return call.emit('Slice', [x, of('start'), of('end'), of('axis'), of('step')]);
}

/** An order that one of the tensors is in which is not its own; where there is none, their own. */
const commonOrder = (call: Call<object>, tensors: readonly Tensor[]): Order =>
  tensors
    .map((tensor) => call.tensors.orderOf(tensor))
    .find((order) => order?.some((axis, i) => axis !== i)) ?? natural(tensors[0]!.shape.length);

/** Shapes, and where elements lie. */
export const shapes: Rows<'permute' | 'slice' | 'pad' | 'flip' | 'expand' | 'concat' | 'cast'> = {
  // Moves nothing: what it gives is there already, in another order.
  permute(call) {
    const { dims } = call.attrs;
    const order = call.order('x');
    return { y: { name: call.name('x', order), order: order.map((axis) => dims.indexOf(axis)) } };
  },
  slice(call) {
    const { starts, steps } = call.attrs;
    const [from, to] = [call.sizes('x'), call.sizes(call.output())];
    return placed(call, (x, place) => {
      const parts = from.flatMap((size, dim) => {
        const [start, step, count] = [starts[dim]!, steps[dim]!, to[dim]!];
        if (start === 0 && step === 1 && JSON.stringify(size) === JSON.stringify(count)) return [];
        if (!isFixed(count)) return call.refuse('a part that grows with the number of images');
        const end = start + step * count;
        return [{ axis: place(dim), start, end: end < 0 ? BEFORE_ALL : end, step }];
      });
      return sliced(call, x, parts);
    });
  },
  pad(call) {
    const { padding, value } = call.attrs;
    const { dtype } = call.output();
    const order = call.order('x');
    const sides = [0, 1].flatMap((side) => order.map((axis) => padding[axis]![side]!));
    const inputs = [call.name('x', order), call.writer.ints(sides), call.number(value, dtype)];
    return { y: { name: call.emit('Pad', inputs), order } };
  },
  flip: (call) =>
    placed(call, (x, place) =>
      sliced(
        call,
        x,
        call.attrs.dims.map((dim) => ({ axis: place(dim), start: -1, end: BEFORE_ALL, step: -1 })),
      ),
    ),
  expand(call) {
    const sizes = call.sizes(call.output());
    const missing = sizes.length - call.input('x').shape.length;
    const own = call.sizes('x');
    // A size of 1 keeps what is there: only those that grow must be said.
    const wanted = sizes.map((size, dim) =>
      dim >= missing && JSON.stringify(own[dim - missing]) === JSON.stringify(size) && !isFixed(size)
        ? 1
        : size,
    );
    return { y: call.emit('Expand', [call.name('x'), call.tensors.shape(wanted)]) };
  },
  concat(call) {
    const inputs = list(call);
    const order = commonOrder(
      call,
      inputs.map(([, tensor]) => tensor),
    );
    const names = inputs.map(([name]) => call.name(name, order));
    return { y: { name: call.emit('Concat', names, { axis: order.indexOf(call.attrs.dim) }), order } };
  },
  cast: (call) => {
    const order = call.order('x');
    const known = call.tensors.conditions.get(call.input('x'));
    const same = known && String(known.order) === String(order);
    // From the condition itself where there is one.
    const from = same ? known.name : call.name('x', order);
    if (same) call.tensors.conditions.set(call.output(), known);
    return { y: { name: call.cast(from, TYPES[call.attrs.dtype]), order } };
  },
};
