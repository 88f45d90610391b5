import { DataError } from '../errors.ts';
import type { OnnxType } from './dataTypes.ts';
import type { HostTensor } from './hostTensor.ts';

/** The value of an attribute, by ONNX's type of it. */
export type Attribute =
  | { readonly kind: 'float' | 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'floats' | 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: HostTensor }
  | { readonly kind: 'graph'; readonly value: OnnxGraph }
  | { readonly kind: 'other'; readonly value: string };

/** One node of a graph. An input or output that is left out has an empty name. */
export interface OnnxNode {
  /** What messages call it: operation and name, `Conv "/backbone/conv1"`. */
  readonly label: string;
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** An input or output of a model. */
export interface OnnxPort {
  readonly name: string;
  readonly type: OnnxType;
  /** Sizes; a name for one that may vary, null for one that is not said. Undefined where even the rank is not said. */
  readonly shape: readonly (number | string | null)[] | undefined;
}

/** A graph: a model's, or that of a branch or loop. */
export interface OnnxGraph {
  readonly name: string;
  /** Each behind those that compute what it reads. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, HostTensor>;
  /** Without those that are initializers. */
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** A model as its file describes it. */
export interface OnnxModel {
  readonly graph: OnnxGraph;
  /** Versions of the operation sets by domain; ONNX's own has the empty name. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The program that wrote the file. */
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/** All nodes of a graph and of the graphs in it. */
export function* nodesOf(graph: OnnxGraph): Generator<OnnxNode> {
  for (const node of graph.nodes) {
    yield node;
    for (const attribute of node.attributes.values()) {
      if (attribute.kind === 'graph') yield* nodesOf(attribute.value);
    }
  }
}

/** The names that a graph reads from around it. */
function* namesFromAround(graph: OnnxGraph): Generator<string> {
  const own = new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
  for (const { outputs } of graph.nodes) for (const name of outputs) own.add(name);
  for (const node of graph.nodes) for (const name of namesRead(node)) if (!own.has(name)) yield name;
  for (const { name } of graph.outputs) if (!own.has(name)) yield name;
}

/** The names that a node reads, for itself and for the graphs in it. */
export function* namesRead(node: OnnxNode): Generator<string> {
  yield* node.inputs;
  for (const attribute of node.attributes.values()) {
    if (attribute.kind === 'graph') yield* namesFromAround(attribute.value);
  }
}

/**
 * Puts nodes behind those that compute what they read. ONNX asks for this order, but converters (of weights to half
 * precision, for one) append nodes that belong to the start, and onnxruntime takes such files. Nodes keep their order
 * otherwise.
 *
 * @throws DataError where nodes wait for each other, or two compute the same name.
 */
export function inOrder(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const makers = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const name of node.outputs) {
      if (name === '') continue;
      const other = makers.get(name);
      if (other !== undefined) {
        throw new DataError(
          `${nodes[other]!.label} and ${node.label} both compute ${JSON.stringify(name)}; the file is damaged`,
        );
      }
      makers.set(name, i);
    }
  });
  const ordered: OnnxNode[] = [];
  const state = new Uint8Array(nodes.length);
  const [WAITS, DONE] = [1, 2];
  /** Nodes that wait for others, each with the names it has still to look at. A list, since chains can be long. */
  const stack: { readonly at: number; readonly names: Iterator<string> }[] = [];
  const enter = (at: number): void => {
    state[at] = WAITS!;
    stack.push({ at, names: namesRead(nodes[at]!) });
  };
  for (let first = 0; first < nodes.length; first++) {
    if (state[first] !== DONE) enter(first);
    while (stack.length > 0) {
      const { at, names } = stack.at(-1)!;
      const { value: name, done } = names.next();
      if (done) {
        state[at] = DONE!;
        ordered.push(nodes[at]!);
        stack.pop();
        continue;
      }
      const maker = makers.get(name);
      if (maker === undefined || state[maker] === DONE) continue;
      if (state[maker] === WAITS) {
        throw new DataError(
          `${nodes[maker]!.label} waits for its own output, by ${JSON.stringify(name)}; the file is damaged`,
        );
      }
      enter(maker);
    }
  }
  return ordered;
}
