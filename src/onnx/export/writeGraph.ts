import { State } from '../../graph/state.ts';
import { baseOf, type Node, stateTensor, type Tensor } from '../../graph/tensor.ts';
import type { NodeProto, TensorProto } from '../onnx_pb.ts';
import type { StoredWeight } from '../ownWeights.ts';
import { UnsupportedError } from '../unsupported.ts';
import type { Order } from '../value.ts';
import { type BatchNorm, batchNormOf, folded, isSettled } from './batchNorm.ts';
import { Call } from './call.ts';
import { GraphWriter } from './graphWriter.ts';
import { float } from './protos.ts';
import { neededNodes } from './record.ts';
import { rowNamed } from './rows/index.ts';
import type { Graph, SizeTable } from './sizes.ts';
import { CHANNELS_FIRST, type States, Tensors, type Written } from './tensors.ts';

interface WriteOptions {
  readonly sizes: SizeTable;
  readonly states: States;
  readonly opset: number;
  readonly foldBatchNorm: boolean;
  /** The order of dimensions in which the file has inputs and outputs. */
  readonly orders: Readonly<Record<'input' | 'output', (tensor: Tensor) => Order>>;
}

/** Batch norms of a graph by their last node. */
function batchNormsIn(
  nodes: readonly Node[],
  results: Iterable<Tensor>,
  fold: boolean,
): Map<Node, BatchNorm> {
  const found = new Map<Node, BatchNorm>();
  for (const node of nodes) {
    const norm = batchNormOf(node);
    if (norm) found.set(node, norm);
  }
  if (!fold) return found;
  const uses = new Map<Tensor, number>();
  const use = (tensor: Tensor) => uses.set(baseOf(tensor), (uses.get(baseOf(tensor)) ?? 0) + 1);
  for (const node of nodes) for (const input of Object.values(node.inputs)) use(input);
  for (const result of results) use(result);
  for (const [node, norm] of found) {
    const { origin } = norm.x;
    if (origin.kind !== 'op' || origin.node.op !== 'conv2d' || uses.get(norm.x) !== 1) continue;
    if ('levels' in origin.node.attrs && origin.node.attrs.levels) continue;
    const { weight, bias } = origin.node.inputs;
    if (isSettled(weight!) && (!bias || isSettled(bias))) found.set(node, { ...norm, conv: origin.node });
  }
  return found;
}

/** Throws UnsupportedError that lists the operations of a graph that have no ONNX form. */
function expectRows(nodes: readonly Node[]): void {
  const counts = new Map<string, number>();
  for (const { op } of nodes) if (!rowNamed(op)) counts.set(op, (counts.get(op) ?? 0) + 1);
  if (counts.size === 0) return;
  const list = [...counts].map(([op, count]) => (count === 1 ? op : `${op} (${count} times)`));
  throw new UnsupportedError(
    `exportOnnx: operations that have no ONNX form: ${list.join(', ')}; leave out what needs them by outputs: […], or export another forward: (…) => …`,
    [...counts.keys()].map((operation) => ({ operation, nodes: [] })),
  );
}

/** Writes a convolution with the batch norm after it: under its own names, with other weights. */
function writeFolded(norm: BatchNorm & { readonly conv: Node }, tensors: Tensors, states: States): Written {
  const { conv } = norm;
  const { weight, bias } = folded(norm, states);
  const { label } = new Call(conv, tensors, states);
  const { origin } = baseOf(conv.inputs.weight!);
  const filter = origin.kind === 'state' ? states.get(origin.state) : undefined;
  const name = filter?.name ?? tensors.writer.name(`${label}.weight`);
  const parts = [
    { name, values: weight, shape: conv.inputs.weight!.shape, torch: filter?.torch },
    {
      name: tensors.writer.name(`${label}.bias_folded`),
      values: bias,
      shape: [bias.length],
      torch: undefined,
    },
  ].map(({ name: own, values, shape, torch }) => {
    const state = new State(own, { shape, dtype: 'f32' }, values);
    tensors.addState(state, { name: own, values, torch });
    return stateTensor(state);
  });
  const again: Node = { ...conv, inputs: { x: conv.inputs.x!, weight: parts[0]!, bias: parts[1]! } };
  const written = rowNamed(conv.op)!(new Call(again, tensors, states)).y!;
  return typeof written === 'string' ? { name: written, order: CHANNELS_FIRST } : written;
}

/** Writes a batch norm as one node, or as the convolution that it is folded into. */
function writeBatchNorm(norm: BatchNorm, tensors: Tensors, states: States): void {
  const { writer } = tensors;
  const { node, x, conv } = norm;
  const output = node.outputs.y!;
  if (conv) {
    tensors.set(output, writeFolded({ ...norm, conv }, tensors, states));
    return;
  }
  const rank = x.shape.length;
  const order = [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
  const parts = [norm.weight, norm.bias, norm.mean, norm.variance].map((part) => tensors.name(part));
  const { origin } = baseOf(norm.weight);
  const owner = origin.kind === 'state' ? states.get(origin.state)?.name.replace(/\.weight$/, '') : undefined;
  const attrs = { epsilon: float(norm.eps) };
  const name = writer.node(
    'BatchNormalization',
    [tensors.name(x, order), ...parts],
    attrs,
    owner ?? 'batch_norm',
  );
  tensors.set(output, { name, order });
}

/**
 * Writes a graph as nodes of ONNX.
 *
 * @throws UnsupportedError that lists all operations that cannot be written.
 */
export function writeGraph(
  graph: Graph,
  { sizes, states, opset, foldBatchNorm, orders }: WriteOptions,
): {
  nodes: NodeProto[];
  initializers: TensorProto[];
  stored: ReadonlyMap<string, StoredWeight>;
} {
  const norms = batchNormsIn(graph.nodes, graph.results.values(), foldBatchNorm);
  const nodes = neededNodes(graph.results.values(), (node) => {
    const norm = norms.get(node);
    if (!norm) return Object.values(node.inputs);
    if (norm.conv) return [norm.conv.inputs.x!];
    return [norm.x, norm.weight, norm.bias, norm.mean, norm.variance];
  });
  expectRows(nodes);
  const [first = ''] = graph.inputs.keys();
  const names = [...states.values()].map(({ name }) => name);
  const writer = new GraphWriter(opset, [...graph.inputs.keys(), ...graph.results.keys(), ...names]);
  const tensors = new Tensors(writer, { sizes, states, first: () => first });
  for (const [name, tensor] of graph.inputs) tensors.set(tensor, { name, order: orders.input(tensor) });
  const problems: string[] = [];
  for (const node of nodes) {
    try {
      const norm = norms.get(node);
      if (norm) {
        writeBatchNorm(norm, tensors, states);
        continue;
      }
      const written = rowNamed(node.op)!(new Call(node, tensors, states));
      for (const [name, value] of Object.entries(written)) {
        const output = node.outputs[name]!;
        const order = output.shape.map((_, i) => i);
        tensors.set(output, typeof value === 'string' ? { name: value, order } : value);
      }
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      problems.push(error.message.replace(/^exportOnnx: /, ''));
      // What follows is written for the sake of its own problems.
      for (const output of Object.values(node.outputs)) {
        tensors.set(output, { name: '', order: output.shape.map((_, i) => i) });
      }
    }
  }
  if (problems.length > 0) throw new UnsupportedError(`exportOnnx: ${[...new Set(problems)].join('; ')}`);
  writer.rename(
    new Map([...graph.results].map(([name, tensor]) => [name, tensors.name(tensor, orders.output(tensor))])),
  );
  return { ...writer.needed(graph.results.keys()), stored: tensors.stored };
}
