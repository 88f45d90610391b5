import { DataError } from '../errors.ts';
import { cast, permute } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { numel, type Shape, sameShape } from '../shape.ts';
import { dtypeOf, isFloatType, type OnnxType } from './dataTypes.ts';
import { emptyValues, type HostTensor } from './hostTensor.ts';
import { UnsupportedError } from './unsupported.ts';

/** The order of a tensor's dimensions in memory: its i-th is the order[i]-th of ONNX's. */
export type Order = readonly number[];

/** ONNX's own order. */
export const natural = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);

/** Channels last, the order that Fovea computes images in: [N,C,H,W] as [N,H,W,C]. */
export const channelsLast = (rank: number): number[] =>
  rank < 3 ? natural(rank) : [0, ...natural(rank).slice(2), 1];

const sameOrder = (a: Order, b: Order): boolean => a.every((axis, i) => axis === b[i]);

// Integers that only mean "to the end" or "none", as exporters write them.
const HUGE = 2 ** 62;
const I32 = [-(2 ** 31), 2 ** 31 - 1] as const;

/** The tensor of values that are known. */
function constantTensor({ type, shape, data }: HostTensor, where: string): Tensor {
  const dtype = dtypeOf(type, where);
  if (dtype !== 'i32') return tensor(data, shape, dtype);
  if (data instanceof Int32Array) return tensor(data, shape);
  const values = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if ((value < I32[0] || value > I32[1]) && Math.abs(value) < HUGE) {
      throw new UnsupportedError(
        `${where}: ${value} of ${type} has more than the 32 bits that are computed with`,
      );
    }
    values[i] = Math.min(Math.max(value, I32[0]), I32[1]);
  }
  return tensor(values, shape);
}

/**
 * A value of a model while it is recorded. Its shape is ONNX's; its tensor may hold the dimensions in another order, so that
 * a transposition costs nothing until somebody needs another order than the one that is there.
 */
export class Value {
  readonly type: OnnxType;
  /** In ONNX's order. */
  readonly shape: Shape;
  #constant: HostTensor | undefined;
  #order: Order;
  readonly #tensors = new Map<string, Tensor>();

  private constructor(type: OnnxType, shape: Shape, order: Order, constant?: HostTensor) {
    this.type = type;
    this.shape = shape;
    this.#order = order;
    this.#constant = constant;
  }

  /** The values, where they are known before anything runs and are not trained. */
  get constant(): HostTensor | undefined {
    return this.#constant;
  }

  /** The order that its tensor is in. */
  get order(): Order {
    return this.#order;
  }

  /** A value that is known. */
  static constant(host: HostTensor): Value {
    return new Value(host.type, host.shape, natural(host.shape.length), host);
  }

  /** A tensor as a value. `order`: the order of its dimensions; default ONNX's. */
  static of(type: OnnxType, tensor: Tensor, order: Order = natural(tensor.shape.length)): Value {
    const shape = new Array<number>(order.length);
    order.forEach((axis, i) => {
      shape[axis] = tensor.shape[i]!;
    });
    const dtype = dtypeOf(type, 'a value');
    const value = new Value(type, shape, order);
    value.#tensors.set(String(order), tensor.dtype === dtype ? tensor : cast(tensor, dtype));
    return value;
  }

  /** Makes it known: the values were read back, or computed on the CPU. */
  settle(data: ArrayLike<number>): HostTensor {
    const values = emptyValues(this.type, this.size);
    values.set(data);
    this.#tensors.clear();
    this.#order = natural(this.rank);
    this.#constant = { type: this.type, shape: this.shape, data: values };
    return this.#constant;
  }

  /** Replaces what it is computed by with a tensor of the same values, in the order that it is in. */
  replace(tensor: Tensor): void {
    this.#tensors.clear();
    this.#tensors.set(String(this.#order), tensor);
  }

  /** The same value without what was recorded from it. */
  fresh(): Value {
    const value = new Value(this.type, this.shape, this.order, this.constant);
    const own = this.#tensors.get(String(this.order));
    if (own) value.#tensors.set(String(this.order), own);
    return value;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return numel(this.shape);
  }

  /** The tensor, its dimensions in this order; default ONNX's. f32 for floats, i32 for integers and bool. */
  tensor(order: Order = natural(this.rank)): Tensor {
    const key = String(order);
    const known = this.#tensors.get(key);
    if (known) return known;
    const made = this.#inOrder(order);
    this.#tensors.set(key, made);
    return made;
  }

  #inOrder(order: Order): Tensor {
    if (this.constant && sameOrder(order, this.order)) return constantTensor(this.constant, 'a constant');
    const from = this.tensor(this.order);
    const dims = order.map((axis) => this.order.indexOf(axis));
    const moving = dims.filter((dim) => from.shape[dim] !== 1);
    // Where only dimensions of size 1 change places, the elements stay where they are.
    if (moving.every((dim, i) => i === 0 || dim > moving[i - 1]!)) {
      return from.reshape(dims.map((dim) => from.shape[dim]!));
    }
    return permute(from, dims);
  }

  /** ONNX's Transpose: dimension i of the result is dimension dims[i] of this. Moves nothing. */
  transposed(dims: readonly number[]): Value {
    if (this.constant) return Value.of(this.type, permute(this.tensor(), dims));
    return Value.of(
      this.type,
      this.tensor(this.order),
      this.order.map((axis) => dims.indexOf(axis)),
    );
  }

  /** The same elements under another shape of ONNX's order. */
  reshaped(shape: Shape): Value {
    if (sameShape(shape, this.shape)) return this;
    if (this.constant) return Value.constant({ ...this.constant, shape });
    return Value.of(this.type, this.tensor().reshape(shape));
  }

  /** The same tensor as a value of another type of the same dtype. */
  as(type: OnnxType): Value {
    return Value.of(type, this.tensor(this.order), this.order);
  }
}

/** Throws DataError unless a value is of one of these kinds. */
export function expectFloat(label: string, value: Value): void {
  if (isFloatType(value.type)) return;
  throw new DataError(`${label}: its input is ${value.type}; it takes floats`);
}
