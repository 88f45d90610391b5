import { clone, create } from '@bufbuild/protobuf';
import { DataError } from '../errors.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
} from './onnx_pb.ts';
import { shown, UnsupportedError } from './unsupported.ts';

/** Calls of functions within functions. */
const DEEPEST = 32;
/** Nodes that all calls together may become. */
const MOST_NODES = 1_000_000;

const keyOf = (domain: string, name: string): string => `${domain} ${name}`;

/** Puts the nodes of a model's functions in the place of the nodes that call them. */
export class Inliner {
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  readonly #opset: bigint | undefined;
  #calls = 0;
  #nodes = 0;

  constructor({ functions, opsetImport }: ModelProto) {
    this.#functions = new Map(functions.map((one) => [keyOf(one.domain, one.name), one]));
    this.#opset = opsetImport.find(({ domain }) => domain === '')?.version;
  }

  /** The nodes of a graph without calls of functions. */
  nodes(nodes: readonly NodeProto[], depth = 0): readonly NodeProto[] {
    if (this.#functions.size === 0) return nodes;
    return nodes.flatMap((node) => {
      const called = this.#functions.get(keyOf(node.domain, node.opType));
      return called ? this.#body(node, called, depth) : [node];
    });
  }

  #body(node: NodeProto, called: FunctionProto, depth: number): readonly NodeProto[] {
    const where = `function ${shown(called.name)}`;
    this.#nodes += called.node.length;
    if (depth === DEEPEST || this.#nodes > MOST_NODES) {
      throw new DataError(`${where}: calls are nested too deeply; the file is damaged`);
    }
    const own = called.opsetImport.find(({ domain }) => domain === '')?.version;
    if (own !== undefined && own !== this.#opset) {
      throw new UnsupportedError(`${where}: it uses opset ${own}, the model ${this.#opset}`);
    }
    // Names inside are the function's own: every call gets others.
    const prefix = `${called.name}_${this.#calls++}/`;
    const names = new Map<string, string>();
    called.input.forEach((name, i) => {
      names.set(name, node.input[i] ?? '');
    });
    called.output.forEach((name, i) => {
      names.set(name, node.output[i] || prefix + name);
    });
    const renamed = (name: string) => (name === '' ? '' : (names.get(name) ?? prefix + name));
    const given = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
    for (const attribute of called.attributeProto) {
      if (!given.has(attribute.name)) given.set(attribute.name, attribute);
    }
    const body = called.node.map((inner) =>
      create(NodeProtoSchema, {
        opType: inner.opType,
        domain: inner.domain,
        name: prefix + inner.name,
        input: inner.input.map(renamed),
        output: inner.output.map(renamed),
        attribute: inner.attribute.flatMap((attribute) => bound(attribute, given, where)),
      }),
    );
    return this.nodes(body, depth + 1);
  }
}

/** An attribute of a node in a function: what the call gives where it refers to one of the function's. */
function bound(
  attribute: AttributeProto,
  given: ReadonlyMap<string, AttributeProto>,
  where: string,
): AttributeProto[] {
  if (attribute.g) throw new UnsupportedError(`${where}: graphs in functions are not supported`);
  if (attribute.refAttrName === '') return [attribute];
  const value = given.get(attribute.refAttrName);
  if (!value) return [];
  // Not a spread: fields that are not set are not the object's own.
  const renamed = clone(AttributeProtoSchema, value);
  renamed.name = attribute.name;
  return [renamed];
}
