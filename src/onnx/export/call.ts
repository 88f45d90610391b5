import type { State } from '../../graph/state.ts';
import { baseOf, type Node, type Tensor } from '../../graph/tensor.ts';
import type { DType, HostArray } from '../../shape.ts';
import { DATA_TYPES, type OnnxType } from '../dataTypes.ts';
import { UnsupportedError } from '../unsupported.ts';
import { natural, type Order } from '../value.ts';
import type { GraphWriter } from './graphWriter.ts';
import { type Attr, TYPES } from './protos.ts';
import type { Sizes } from './sizes.ts';
import { CHANNELS_FIRST, type Tensors, type Written } from './tensors.ts';

/** The outputs of an operation by name; one in its own order may be its name alone. */
export type Outputs = Readonly<Record<string, Written | string>>;

/** Writes one operation of a graph. A method, so that a row for particular attributes is assignable to one for any. */
export type Row<A extends object = object> = { row(call: Call<A>): Outputs }['row'];

/** Host values of a number's dtype. */
export const hostOf = (dtype: DType, values: readonly number[]): HostArray =>
  dtype === 'f32'
    ? Float32Array.from(values)
    : dtype === 'i32'
      ? Int32Array.from(values)
      : Uint32Array.from(values);

/** One operation of the graph that is exported. */
export class Call<A extends object = object> {
  readonly node: Node;
  readonly attrs: A;
  readonly tensors: Tensors;
  /** What the values that it computes are called after: the module that its weight belongs to, or the operation. */
  readonly label: string;

  constructor(node: Node, tensors: Tensors, states: ReadonlyMap<State, { readonly name: string }>) {
    this.node = node;
    // The row is of the node's operation, and so are the attributes.
    this.attrs = node.attrs as A;
    this.tensors = tensors;
    const weight = node.inputs.weight && baseOf(node.inputs.weight).origin;
    const owner = weight?.kind === 'state' ? states.get(weight.state)?.name : undefined;
    this.label = owner?.replace(/\.weight$/, '') ?? node.op;
  }

  get writer(): GraphWriter {
    return this.tensors.writer;
  }

  input(name: string): Tensor {
    return this.node.inputs[name]!;
  }

  output(name = 'y'): Tensor {
    return this.node.outputs[name]!;
  }

  /** The sizes of an input or of another tensor. */
  sizes(tensor: Tensor | string): Sizes {
    return this.tensors.sizes.of(typeof tensor === 'string' ? this.input(tensor) : tensor);
  }

  /** The name of an input in the file, its dimensions in this order; default its own. */
  name(input: string, order?: Order): string {
    return this.tensors.name(this.input(input), order);
  }

  /** An image as ONNX has it, [N,C,H,W]. */
  image(input: string): string {
    return this.name(input, CHANNELS_FIRST);
  }

  /** The order that an input is in already. */
  order(input: string): Order {
    const tensor = this.input(input);
    return this.tensors.orderOf(tensor) ?? natural(tensor.shape.length);
  }

  /** Adds a node; returns its output's name. */
  emit(
    op: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, Attr | undefined>> = {},
  ): string {
    return this.writer.node(op, inputs, attrs, this.label);
  }

  /** Adds a node with several outputs. */
  many(
    op: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, Attr | undefined>>,
    outputs: number,
  ): string[] {
    return this.writer.many(op, inputs, attrs, outputs, this.label);
  }

  /** A number of a dtype, of no dimensions. */
  number(value: number, dtype: DType = 'f32'): string {
    if (dtype === 'f16') return this.cast(this.number(value), 'float16');
    return this.writer.constant(TYPES[dtype], [], hostOf(dtype, [value]));
  }

  /** Numbers of a dtype, of one dimension or of this shape. */
  numbers(
    values: readonly number[],
    dtype: DType = 'f32',
    shape: readonly number[] = [values.length],
  ): string {
    return this.writer.constant(TYPES[dtype], shape, hostOf(dtype, values));
  }

  cast(x: string, type: OnnxType): string {
    return this.writer.node('Cast', [x], { to: DATA_TYPES[type] });
  }

  /** Elements of one axis of x, whatever its rank. */
  slice(x: string, axis: number, start: number, end: number): string {
    const { writer } = this;
    return writer.node('Slice', [x, writer.ints([start]), writer.ints([end]), writer.ints([axis])]);
  }

  unsqueeze(x: string, axes: readonly number[]): string {
    return this.writer.node('Unsqueeze', [x, this.writer.ints(axes)]);
  }

  /** Throws UnsupportedError: a form of the operation that ONNX has none of. */
  refuse(why: string): never {
    throw new UnsupportedError(`exportOnnx: ${this.node.op} (${this.label}): ${why}`);
  }
}
