import { DataError } from '../../errors.ts';
import { baseOf, type Tensor } from '../../graph/tensor.ts';
import { UnsupportedError } from '../../onnx/unsupported.ts';
import { normalizeDim } from '../../shape.ts';
import type { Padding, Sides, Two, Windows } from '../windows.ts';
import { Attributes } from './attributes.ts';
import type { GraphNode } from './graph.ts';

/** Whether the numbers of a tensor are known while a model is recorded. */
export const isKnown = (tensor: Tensor): boolean => baseOf(tensor).origin.kind === 'constant';

/** The numbers of a tensor that are known while a model is recorded. Undefined for others. */
export function knownNumbers(tensor: Tensor): number[] | undefined {
  const { origin } = baseOf(tensor);
  return origin.kind === 'constant' ? Array.from(origin.data) : undefined;
}

/** One node, while a model is recorded. */
export class Call {
  readonly node: GraphNode;
  readonly inputs: readonly Tensor[];
  readonly attrs: Attributes;

  constructor(node: GraphNode, inputs: readonly Tensor[]) {
    this.node = node;
    this.inputs = inputs;
    this.attrs = new Attributes(node);
  }

  /** Throws DataError: attributes or inputs contradict each other. */
  damaged(what: string): never {
    throw new DataError(`${this.node.label}: ${what}; the file is damaged`);
  }

  /** Throws UnsupportedError: a form of the operation that there is none of. */
  refuse(why: string): never {
    throw new UnsupportedError(`${this.node.label}: ${why}`);
  }

  /** An input that must be there. */
  input(index: number): Tensor {
    return this.inputs[index] ?? this.damaged(`lacks input ${index}`);
  }

  /** The numbers of an input that must be known before the model runs. */
  numbers(index: number): number[] {
    return (
      knownNumbers(this.input(index)) ??
      this.refuse(`its input ${index} is computed by the model, so that the shape of the result is not known`)
    );
  }

  /** The one number of an input that must be known. */
  number(index: number): number {
    const [number, ...others] = this.numbers(index);
    return number !== undefined && others.length === 0
      ? number
      : this.damaged(`input ${index} must be one number`);
  }

  /** An axis counted from the end where negative. */
  axis(axis: number, rank: number): number {
    return normalizeDim(this.node.label, axis, rank);
  }

  /** Height and width of a list for [N,H,W,C]. */
  #pair(name: string, fallback: number): Two {
    const list = this.attrs.ints(name);
    if (list.length === 0) return [fallback, fallback];
    const isOne = list.length === 4 && list[0] === 1 && list[3] === 1 && list.every((size) => size > 0);
    return isOne ? [list[1]!, list[2]!] : this.refuse(`${name} [${list}] is not supported`);
  }

  /** Throws UnsupportedError unless images are [N,H,W,C]. */
  expectChannelsLast(): void {
    const format = this.attrs.string('data_format', 'NHWC');
    if (format !== 'NHWC') this.refuse(`data_format ${JSON.stringify(format)} is not supported; NHWC is`);
  }

  /** How windows lie, of a convolution or pooling. */
  windows(): Windows {
    this.expectChannelsLast();
    return {
      stride: this.#pair('strides', 1),
      dilation: this.#pair('dilations', 1),
      padding: this.#padding(),
    };
  }

  /** Height and width of the windows of a pooling. */
  kernel(): Two {
    return this.#pair('ksize', 1);
  }

  #padding(): Padding {
    const padding = this.attrs.string('padding', 'VALID');
    if (padding === 'SAME' || padding === 'VALID') return padding;
    const list = this.attrs.ints('explicit_paddings');
    if (padding !== 'EXPLICIT' || list.length !== 8) {
      return this.refuse(`padding ${JSON.stringify(padding)} is not supported`);
    }
    const sides = (i: number): Sides => [list[2 * i]!, list[2 * i + 1]!];
    return [sides(1), sides(2)];
  }
}

/** Records what a node computes: its outputs in TensorFlow's order. */
export type Run = (call: Call) => Tensor | readonly Tensor[];

/** An operation of TensorFlow. */
export interface Operator {
  readonly run: Run;
  /** The inputs whose values must be known when the node is recorded, by index; from the end where negative. */
  readonly known?: readonly number[];
  /** The inputs that hold statistics: saved with the model and not trained, by index. */
  readonly statistics?: readonly number[];
}

/** Operations by TensorFlow's name. */
export type Operators = Readonly<Record<string, Operator | Run>>;
