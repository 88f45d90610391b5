import { where } from '../../graph/functions/elementwise.ts';
import { expand } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { type OnnxType, typeNamed } from '../dataTypes.ts';
import { emptyValues, int64Tensor } from '../hostTensor.ts';
import type { Call, Operators, Run } from '../operator.ts';
import { Value } from '../value.ts';

/** More elements than this are not counted on the CPU. */
const MOST_ELEMENTS = 2 ** 24;

/** A constant whose elements are computed one by one. */
function counted(call: Call, type: OnnxType, shape: readonly number[], at: (i: number) => number): Value {
  const size = shape.reduce((product, side) => product * side, 1);
  if (!(size <= MOST_ELEMENTS)) call.refuse(`of ${size} elements; ${MOST_ELEMENTS} are supported`);
  const data = emptyValues(type, size);
  for (let i = 0; i < size; i++) data[i] = at(i);
  return Value.constant({ type, shape, data });
}

const typeOf = (call: Call, name: string, fallback: OnnxType): OnnxType =>
  call.attrs.has(name) ? typeNamed(call.attrs.int(name), call.node.label) : fallback;

/** A window of signal processing: a0 - a1 cos(2πi / n) + a2 cos(4πi / n). */
const signalWindow = (a0: number, a1: number, a2: number): { known: number[]; run: Run } => ({
  known: [0],
  run(call) {
    const size = call.number(0);
    const turn = (2 * Math.PI) / (call.attrs.int('periodic', 1) === 1 ? size : size - 1);
    const type = typeOf(call, 'output_datatype', 'float');
    return counted(call, type, [size], (i) => a0 - a1 * Math.cos(turn * i) + a2 * Math.cos(2 * turn * i));
  },
});

/** 1 where an element stays in a triangle of [rows, columns], as i32. */
function triangle(rows: number, columns: number, k: number, upper: boolean): Tensor {
  const mask = new Int32Array(rows * columns);
  for (let i = 0; i < mask.length; i++) {
    const offset = (i % columns) - Math.floor(i / columns);
    mask[i] = Number(upper ? offset >= k : offset <= k);
  }
  return tensor(mask, [rows, columns]);
}

/** Values that depend on shapes and attributes alone. */
export const creation: Operators = {
  BlackmanWindow: signalWindow(0.42, 0.5, 0.08),
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
  EyeLike(call) {
    const x = call.input(0);
    if (x.rank !== 2) call.refuse(`of rank ${x.rank}; it must be 2`);
    const [rows, columns] = x.shape as [number, number];
    const k = call.attrs.int('k', 0);
    const at = (i: number) => Number((i % columns) - Math.floor(i / columns) === k);
    return counted(call, typeOf(call, 'dtype', x.type), [rows, columns], at);
  },
  HammingWindow: signalWindow(25 / 46, 21 / 46, 0),
  HannWindow: signalWindow(0.5, 0.5, 0),
  Range: {
    known: [0, 1, 2],
    run(call) {
      const [start, limit, delta] = [call.number(0), call.number(1), call.number(2)];
      const count = Math.max(Math.ceil((limit - start) / delta), 0);
      return counted(call, call.input(0).type, [Number.isNaN(count) ? 0 : count], (i) => start + i * delta);
    },
  },
  Trilu: {
    known: [1],
    run(call) {
      const x = call.input(0);
      if (x.rank < 2) call.refuse(`of rank ${x.rank}; it must be 2 or more`);
      const [rows, columns] = x.shape.slice(-2) as [number, number];
      const mask = triangle(rows, columns, call.number(1, 0), call.attrs.int('upper', 1) === 1);
      const own = x.tensor();
      if (own.size === 0) return x;
      return Value.of(x.type, where(Value.of(x.type, mask).tensor(), own, 0));
    },
  },
};
