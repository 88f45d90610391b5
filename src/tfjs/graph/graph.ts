/** TensorFlow's GraphDef, as JSON: nodes by name, with the tensors that each takes. */
import { DataError } from '../../errors.ts';
import { plain, quote } from '../../io/fileTensor.ts';
import { isRecord } from '../../io/tfjs/manifest.ts';

/** A tensor: output `index` of a node. */
export interface TensorRef {
  readonly node: string;
  readonly index: number;
}

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** What messages call it: `Conv2D "block1/conv"`. */
  readonly label: string;
  /** Without those that only say what runs first. */
  readonly inputs: readonly TensorRef[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A graph, and the names of the tensors that it takes and gives. */
export interface Graph {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
}

const damaged = (what: string): DataError =>
  new DataError(`modelTopology: ${what}; convert or download the model again`);

/** `node`, `node:1`. */
function refOf(text: string): TensorRef {
  const [, node, index] = /^(.*?)(?::(\d+))?$/s.exec(text)!;
  return { node: node!, index: Number(index ?? 0) };
}

function nodeOf(value: unknown): GraphNode {
  if (!isRecord(value) || typeof value.name !== 'string' || typeof value.op !== 'string') {
    throw damaged('a node has no name or no op');
  }
  const { name, op, input = [], attr = {} } = value;
  const label = `${plain(op)} ${quote(name)}`;
  if (!Array.isArray(input) || !input.every((item) => typeof item === 'string')) {
    throw damaged(`${label}: input is no list of names`);
  }
  if (!isRecord(attr)) throw damaged(`${label}: attr is no object`);
  const inputs = (input as string[]).filter((item) => !item.startsWith('^')).map(refOf);
  return { name, op, label, inputs, attributes: attr };
}

/** The tensors of one side of a signature, in its order; undefined where there is none. */
function signedRefs(signature: unknown, side: 'inputs' | 'outputs'): TensorRef[] | undefined {
  const ports = isRecord(signature) ? signature[side] : undefined;
  if (!isRecord(ports)) return undefined;
  const list = Object.values(ports).map((port) => {
    if (isRecord(port) && typeof port.name === 'string') return refOf(port.name);
    throw damaged(`an entry of ${side} of the signature has no name`);
  });
  return list.length > 0 ? list : undefined;
}

/** Reads the modelTopology of a graph model. Throws DataError for what is none. */
export function parseGraph(topology: unknown, signature: unknown): Graph {
  if (!isRecord(topology) || !Array.isArray(topology.node)) throw damaged('it has no list of nodes');
  const nodes = new Map<string, GraphNode>();
  for (const value of topology.node as unknown[]) {
    const node = nodeOf(value);
    if (nodes.has(node.name)) throw damaged(`two nodes are called ${quote(node.name)}`);
    nodes.set(node.name, node);
  }
  const used = new Set([...nodes.values()].flatMap(({ inputs }) => inputs.map(({ node }) => node)));
  const first = (node: string): TensorRef => ({ node, index: 0 });
  const placeholders = [...nodes.values()].filter(({ op }) => op === 'Placeholder');
  const ends = [...nodes.keys()].filter((name) => !used.has(name));
  const inputs = signedRefs(signature, 'inputs') ?? placeholders.map(({ name }) => first(name));
  // A signature may name inputs that the converter has removed, since nothing needs them.
  const there = inputs.filter(({ node }) => nodes.has(node));
  return { nodes, inputs: there, outputs: signedRefs(signature, 'outputs') ?? ends.map(first) };
}
