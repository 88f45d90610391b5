import { DataError, FoveaError } from '../../errors.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { quote, toFloat32 } from '../../io/fileTensor.ts';
import { expectNothingMissing, UnsupportedError } from '../../onnx/unsupported.ts';
import type { Network, TfjsPort } from '../module.ts';
import { distinct, named, sorted } from '../order.ts';
import type { Weights } from '../weights.ts';
import { Attributes } from './attributes.ts';
import { type Graph, type GraphNode, parseGraph, type TensorRef } from './graph.ts';
import { Call, isKnown } from './operator.ts';
import { operatorNamed } from './operators/index.ts';

/** Larger values than this are not computed on the CPU, though they are known: they are left to the GPU. */
const FOLDED_ELEMENTS = 65_536;

const placeIn = (index: number, count: number): number => (index < 0 ? index + count : index);

/** Names of nodes whose values must be known before the model runs, and all that they are computed from. */
function knownNodes(nodes: readonly GraphNode[]): Set<string> {
  const known = new Set<string>();
  for (const { name, op, inputs } of [...nodes].reverse()) {
    const { known: places = [] } = operatorNamed(op);
    for (const place of places) {
      const ref = inputs[placeIn(place, inputs.length)];
      if (ref) known.add(ref.node);
    }
    // A shape is known whatever the values are.
    if (!known.has(name) || ['Shape', 'Size', 'Rank'].includes(op)) continue;
    for (const ref of inputs) known.add(ref.node);
  }
  return known;
}

/** The value of a Const node: a parameter or statistic where it is a float of one dimension or more, else a constant. */
function constantOf(name: string, weights: Weights, isFixed: boolean, isStatistic: boolean): Tensor {
  const given = weights.tensors.get(name);
  if (!given) {
    throw new DataError(
      `Const ${quote(name)}: its values are not among the weights; download the model again`,
    );
  }
  const { dtype, shape, data } = given;
  if (dtype !== 'f32' && dtype !== 'f16') return tensor(Int32Array.from(data as Int32Array), shape);
  if (isFixed || shape.length === 0) return tensor(toFloat32(given), shape);
  return (isStatistic ? weights.statistics(name) : weights.weight(name)).tensor;
}

/** Makes a tensor that depends on nothing but known ones known too: arithmetic on shapes costs nothing at run time. */
function folded(value: Tensor): Tensor {
  if (isKnown(value) || value.size > FOLDED_ELEMENTS) return value;
  try {
    return tensor(evaluate([value])[0]!, value.shape, value.dtype);
  } catch (error) {
    // An operation without a reference: the GPU computes it.
    if (error instanceof FoveaError) return value;
    throw error;
  }
}

/**
 * The nodes that the outputs need, each after those that it needs. Throws UnsupportedError that lists all operations that are missing
 * here, control flow among them: loops of TensorFlow 1 need themselves.
 */
function neededNodes({ nodes, inputs, outputs }: Graph): GraphNode[] {
  const given = new Set(inputs.map(({ node }) => node));
  const results = outputs.map(({ node }) => node);
  const needsOf = (name: string): readonly string[] | undefined =>
    given.has(name) ? [] : nodes.get(name)?.inputs.map(({ node }) => node);
  const needed = new Set(results);
  for (const name of needed) for (const other of needsOf(name) ?? []) needed.add(other);
  expectOperations([...needed].flatMap((name) => (given.has(name) ? [] : (nodes.get(name) ?? []))));
  const names = sorted(
    results,
    needsOf,
    (name) =>
      new DataError(`modelTopology: node ${quote(name)} is missing, or needs itself; the file is damaged`),
  );
  return names.filter((name) => !given.has(name)).map((name) => nodes.get(name)!);
}

/** Throws UnsupportedError that lists all operations that are missing here, control flow among them. */
function expectOperations(nodes: readonly GraphNode[]): void {
  const found = new Map<string, string[]>();
  for (const { op, name } of nodes) {
    if (!['Const', 'Placeholder'].includes(op) && !operatorNamed(op).run)
      found.set(op, [...(found.get(op) ?? []), name]);
  }
  expectNothingMissing(found, 'operations');
}

function portOf(graph: Graph, { node: name, index }: TensorRef): TfjsPort {
  const attrs = new Attributes(graph.nodes.get(name)!);
  if (index !== 0)
    throw new DataError(`input ${quote(name)}: is output ${index} of its node; the file is damaged`);
  const dtype = attrs.dtype('dtype') ?? 'f32';
  return { name, dtype: dtype === 'i32' ? 'i32' : 'f32', shape: attrs.shape('shape') };
}

/** Reads a graph model. Its weights are asked of `weights`. */
export function graphNetwork(topology: unknown, signature: unknown, weights: Weights): Network {
  const graph = parseGraph(topology, signature);
  const nodes = neededNodes(graph);
  const placeholder = nodes.find(({ op }) => op === 'Placeholder');
  if (placeholder) {
    throw new DataError(
      `${placeholder.label}: is an input that the signature does not name; the file is damaged`,
    );
  }
  const known = knownNodes(nodes);
  const statistics = new Set(
    nodes.flatMap(({ op, inputs }) =>
      (operatorNamed(op).statistics ?? []).flatMap((place) => inputs[place]?.node ?? []),
    ),
  );
  const constants = new Map<string, readonly Tensor[]>();
  for (const { op, name } of nodes) {
    if (op === 'Const')
      constants.set(name, [constantOf(name, weights, known.has(name), statistics.has(name))]);
  }
  const steps = nodes.filter(({ op }) => op !== 'Const');
  return {
    inputs: graph.inputs.map((ref) => portOf(graph, ref)),
    outputs: distinct(graph.outputs.map(({ node }) => node)),
    members: weights.ordered(),
    run(tensors) {
      const values = new Map(constants);
      graph.inputs.forEach(({ node }, i) => {
        values.set(node, [tensors[i]!]);
      });
      for (const node of steps) values.set(node.name, runNode(node, values));
      return graph.outputs.map((ref) => read(values, ref, 'the outputs'));
    },
  };
}

function read(
  values: ReadonlyMap<string, readonly Tensor[]>,
  { node, index }: TensorRef,
  user: string,
): Tensor {
  const value = values.get(node)?.[index];
  if (value) return value;
  throw new DataError(
    `${user}: takes output ${index} of ${quote(node)}, which has none; the file is damaged`,
  );
}

function runNode(node: GraphNode, values: ReadonlyMap<string, readonly Tensor[]>): readonly Tensor[] {
  const { run } = operatorNamed(node.op);
  if (!run) throw new UnsupportedError(`${node.label}: there is no such operation`);
  const call = new Call(
    node,
    node.inputs.map((ref) => read(values, ref, node.label)),
  );
  return named(node.label, () => {
    const result = run(call);
    const list = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
    return call.inputs.length > 0 && call.inputs.every(isKnown) ? list.map(folded) : list;
  });
}
