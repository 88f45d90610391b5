import { DataError } from '../errors.ts';
import type { Attribute, OnnxGraph, OnnxNode } from './graph.ts';
import type { HostTensor } from './hostTensor.ts';
import { UnsupportedError } from './unsupported.ts';

type Kinds = { [A in Attribute as A['kind']]: A['value'] };

/** The attributes of a node by name, checked against the type that its operation says. */
export class Attributes {
  readonly #node: OnnxNode;

  constructor(node: OnnxNode) {
    this.#node = node;
  }

  has(name: string): boolean {
    return this.#node.attributes.has(name);
  }

  #get<Kind extends keyof Kinds>(kind: Kind, name: string, fallback: Kinds[Kind] | undefined): Kinds[Kind] {
    const attribute = this.#node.attributes.get(name);
    if (attribute?.kind === kind) return attribute.value as Kinds[Kind];
    if (attribute?.kind === 'other') {
      throw new UnsupportedError(`${this.#node.label}: attribute ${name}: ${attribute.value}`);
    }
    if (attribute) {
      throw new DataError(`${this.#node.label}: attribute ${name} is ${attribute.kind}, not ${kind}`);
    }
    if (fallback !== undefined) return fallback;
    throw new DataError(`${this.#node.label}: lacks the attribute ${name}`);
  }

  int(name: string, fallback?: number): number {
    return this.#get('int', name, fallback);
  }

  float(name: string, fallback?: number): number {
    return this.#get('float', name, fallback);
  }

  string(name: string, fallback?: string): string {
    return this.#get('string', name, fallback);
  }

  ints(name: string, fallback?: readonly number[]): readonly number[] {
    return this.#get('ints', name, fallback);
  }

  floats(name: string, fallback?: readonly number[]): readonly number[] {
    return this.#get('floats', name, fallback);
  }

  tensor(name: string): HostTensor {
    return this.#get('tensor', name, undefined);
  }

  graph(name: string): OnnxGraph {
    return this.#get('graph', name, undefined);
  }
}
