import { DataError } from '../../errors.ts';
import { isRecord } from '../../io/tfjs/manifest.ts';
import { UnsupportedError } from '../../onnx/unsupported.ts';
import type { DType } from '../../shape.ts';
import type { GraphNode } from './graph.ts';

/** TensorFlow's element types by number (DataType in types.proto), as far as they are computed with. */
const BY_NUMBER: Readonly<Record<number, string>> = {
  1: 'DT_FLOAT',
  2: 'DT_DOUBLE',
  3: 'DT_INT32',
  4: 'DT_UINT8',
  5: 'DT_INT16',
  6: 'DT_INT8',
  9: 'DT_INT64',
  10: 'DT_BOOL',
  14: 'DT_BFLOAT16',
  17: 'DT_UINT16',
  19: 'DT_HALF',
};
const FLOATS = ['DT_FLOAT', 'DT_DOUBLE', 'DT_BFLOAT16', 'DT_HALF'];

/** The attributes of a node by name, checked against the type that its operation says. Numbers may be written as texts. */
export class Attributes {
  readonly #node: GraphNode;

  constructor(node: GraphNode) {
    this.#node = node;
  }

  #field(name: string, kind: string): unknown {
    const { attributes } = this.#node;
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return isRecord(value) ? value[kind] : undefined;
  }

  #damaged(name: string): never {
    throw new DataError(
      `${this.#node.label}: attribute ${name} is missing or of another type; the file is damaged`,
    );
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#node.attributes, name);
  }

  #number(name: string, value: unknown, fallback: number | undefined): number {
    const number =
      value === undefined ? fallback : typeof value === 'string' && value !== '' ? Number(value) : value;
    return Number.isFinite(number) ? (number as number) : this.#damaged(name);
  }

  int(name: string, fallback?: number): number {
    const number = this.#number(name, this.#field(name, 'i'), fallback);
    return Number.isSafeInteger(number) ? number : this.#damaged(name);
  }

  float(name: string, fallback?: number): number {
    return this.#number(name, this.#field(name, 'f'), fallback);
  }

  flag(name: string): boolean {
    return this.#field(name, 'b') === true;
  }

  /** Bytes as TensorFlow.js writes them: base64, or a list of numbers. */
  #text(name: string, value: unknown): string {
    if (Array.isArray(value) && value.every(Number.isInteger))
      return String.fromCharCode(...(value as number[]));
    if (typeof value !== 'string' || !/^[\w+/-]*=*$/.test(value)) return this.#damaged(name);
    try {
      return atob(value);
    } catch {
      return this.#damaged(name);
    }
  }

  string(name: string, fallback: string): string {
    const value = this.#field(name, 's');
    return value === undefined ? fallback : this.#text(name, value);
  }

  #list(name: string, kind: 'i' | 's'): readonly unknown[] {
    const list = this.#field(name, 'list');
    const values = isRecord(list) ? (list[kind] ?? []) : [];
    return Array.isArray(values) ? values : this.#damaged(name);
  }

  ints(name: string): readonly number[] {
    return this.#list(name, 'i').map((value) => {
      const number = this.#number(name, value, undefined);
      return Number.isSafeInteger(number) ? number : this.#damaged(name);
    });
  }

  strings(name: string): readonly string[] {
    return this.#list(name, 's').map((value) => this.#text(name, value));
  }

  /** A type by TensorFlow's name; undefined where it is not given. */
  type(name: string): string | undefined {
    const value = this.#field(name, 'type');
    if (typeof value === 'number') return BY_NUMBER[value] ?? `number ${value}`;
    return typeof value === 'string' ? value : undefined;
  }

  /** The dtype that values of a type are computed in: f32 for floats of any width, i32 for integers and bool. */
  dtype(name: string): DType | undefined {
    const type = this.type(name);
    if (type === undefined) return undefined;
    if (FLOATS.includes(type)) return 'f32';
    if (Object.values(BY_NUMBER).includes(type)) return 'i32';
    throw new UnsupportedError(`${this.#node.label}: tensors of ${type} are not supported`);
  }

  /** Sizes, null for one that may vary; undefined where the rank is not known. */
  shape(name: string): (number | null)[] | undefined {
    const shape = this.#field(name, 'shape');
    if (!isRecord(shape) || shape.unknownRank === true) return undefined;
    const { dim = [] } = shape;
    if (!Array.isArray(dim)) return this.#damaged(name);
    return dim.map((item: unknown) => {
      const size = this.#number(name, isRecord(item) ? item.size : undefined, -1);
      return Number.isSafeInteger(size) && size >= 0 ? size : null;
    });
  }
}
