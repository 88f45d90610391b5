import { DataError } from '../errors.ts';
import { normalizeDim } from '../shape.ts';
import { Attributes } from './attributes.ts';
import type { OnnxGraph, OnnxNode } from './graph.ts';
import { shown, UnsupportedError } from './unsupported.ts';
import type { Order, Value } from './value.ts';

/** What a recording cannot go on without: values that must be known. It is resumed when they are. */
export interface Demand {
  /** The node that needs them. */
  readonly label: string;
  readonly values: readonly Value[];
}

/** A recording that may stop at values that must be known, and returns this. */
export type Recording<T> = Generator<Demand, T, void>;

/** Runs a graph in a graph: its outputs for these inputs. */
export type RunGraph = (graph: OnnxGraph, inputs: readonly Value[]) => Recording<Value[]>;

/** One use of an operation, while a model is recorded. */
export class Call {
  readonly node: OnnxNode;
  /** The version of the operation set of the node's domain. */
  readonly opset: number;
  readonly inputs: readonly (Value | undefined)[];
  readonly attrs: Attributes;
  readonly runGraph: RunGraph;
  /** The program that wrote the file. */
  readonly producer: string;

  constructor(
    node: OnnxNode,
    opset: number,
    inputs: readonly (Value | undefined)[],
    runGraph: RunGraph,
    producer: string,
  ) {
    this.node = node;
    this.opset = opset;
    this.inputs = inputs;
    this.attrs = new Attributes(node);
    this.runGraph = runGraph;
    this.producer = producer;
  }

  /** An input that must be there. */
  input(index: number): Value {
    const value = this.inputs[index];
    if (value) return value;
    throw new DataError(`${this.node.label}: lacks input ${index}`);
  }

  /** All inputs of an operation that takes any number. */
  all(): Value[] {
    return this.inputs.map((_, i) => this.input(i));
  }

  /** The numbers of an input that must be known before the model runs. */
  numbers(index: number): number[] {
    const value = this.input(index);
    if (value.constant) return Array.from(value.constant.data);
    throw new DataError(`${this.node.label}: input ${index} is not known`);
  }

  /** The numbers of an optional input, or undefined where it is left out. */
  optionalNumbers(index: number): number[] | undefined {
    return this.inputs[index] ? this.numbers(index) : undefined;
  }

  /** The one number of an input that must be known before the model runs. */
  number(index: number, fallback?: number): number {
    if (fallback !== undefined && !this.inputs[index]) return fallback;
    const [number, ...others] = this.numbers(index);
    if (number !== undefined && others.length === 0) return number;
    throw new DataError(`${this.node.label}: input ${index} must be one number`);
  }

  /** A dimension counted from the end where negative. */
  dim(dim: number, rank: number): number {
    return normalizeDim(this.node.label, dim, rank);
  }

  /** Throws DataError: attributes or inputs contradict each other. */
  damaged(what: string): never {
    throw new DataError(`${this.node.label}: ${what}; the file is damaged`);
  }

  /** Throws UnsupportedError: a form of the operation that there is none of. */
  refuse(why: string): never {
    throw new UnsupportedError(`${this.node.label}: ${shown(why)}`);
  }
}

/** What a node computes: its outputs in ONNX's order. One that is left out of the middle is undefined. */
export type Outputs = Value | readonly (Value | undefined)[];

/** Records what a node computes. */
export type Run = (call: Call) => Outputs | Recording<Outputs>;

/** An operation of ONNX. */
export interface Operator {
  readonly run: Run;
  /** The inputs whose values must be known when the node is recorded, by index. */
  readonly known?: readonly number[];
  /** The inputs that hold statistics: saved with the model and not trained, by index. */
  readonly statistics?: readonly number[];
  /** The inputs that hold weights also where they are the output of a Constant node, by index. */
  readonly weights?: readonly number[];
  /** The order that a weight is wanted in, where that is not ONNX's: its parameter is kept in it. */
  readonly weightOrder?: (index: number, rank: number, attrs: Attributes) => Order | undefined;
}

/** Operations by ONNX's name. */
export type Operators = Readonly<Record<string, Operator | Run>>;

/** An operation's full description. */
export const operatorOf = (entry: Operator | Run): Operator =>
  typeof entry === 'function' ? { run: entry } : entry;
