import type { TorchLayout } from '../io/layout.ts';
import { fromTorch } from '../io/layout.ts';
import { Buffer, Parameter } from '../nn/module.ts';
import { numel, type Shape } from '../shape.ts';
import { Attributes } from './attributes.ts';
import { isFloatType, type OnnxType } from './dataTypes.ts';
import { nodesOf, type OnnxGraph, type OnnxNode } from './graph.ts';
import type { HostTensor } from './hostTensor.ts';
import type { Operator } from './operator.ts';
import { operatorNamed } from './operators/index.ts';
import { OWN_CONSTANT } from './ownWeights.ts';
import { natural, type Order, Value } from './value.ts';

/** A use of a value: as which input of which node. */
interface Use {
  readonly node: OnnxNode;
  readonly operator: Partial<Operator>;
  readonly index: number;
}

/** What the initializers of a model become. */
export interface Weights {
  /** Parameters and statistics by ONNX's name. */
  readonly members: Map<string, Parameter | Buffer>;
  /** All initializers, and the outputs of nodes that only hold weights, as values by name. */
  readonly values: Map<string, Value>;
  /** The graph without those nodes. */
  readonly graph: OnnxGraph;
  /** What was done to weights. */
  readonly notes: readonly string[];
}

/** The names of values that must be known before the model runs, with all that they are computed from. */
function knownNames(graph: OnnxGraph): Set<string> {
  const known = new Set<string>();
  for (const node of [...nodesOf(graph)].reverse()) {
    const { known: positions = [] } = operatorNamed(node.op);
    for (const index of positions) if (node.inputs[index]) known.add(node.inputs[index]);
    // A shape is known whatever the values are.
    if (['Shape', 'Size'].includes(node.op) || !node.outputs.some((name) => known.has(name))) continue;
    for (const name of node.inputs) known.add(name);
  }
  return known;
}

/** The layout that makes a parameter of `order` load from ONNX's order. Undefined where there is no need. */
function layoutOf(shape: Shape, order: Order): TorchLayout | undefined {
  // All orders that are asked for turn [outer,inner,taps] into [taps,inner,outer].
  const [outer = 1, inner = 1, ...taps] = shape;
  if (order.every((axis, i) => axis === i)) return undefined;
  return { shape, outer, inner, taps: numel(taps) };
}

/**
 * Values converted when they are first needed: what a file's weights replace is never computed. A function by itself, so that
 * it keeps no other values of the model.
 */
const converted = (data: HostTensor['data'], layout: TorchLayout | undefined) =>
  // biome-ignore lint/correctness/useYield: values are made at once.
  function* (): Generator<void, Float32Array> {
    if (layout) return fromTorch(data, layout);
    return data instanceof Float32Array ? data : Float32Array.from(data);
  };

/** Makes parameters of the float initializers of a model, buffers of its statistics, constants of the rest. */
export function makeWeights(graph: OnnxGraph, trained: (name: string, shape: Shape) => boolean): Weights {
  const known = knownNames(graph);
  const uses = new Map<string, Use[]>();
  for (const node of nodesOf(graph)) {
    const operator = operatorNamed(node.op);
    node.inputs.forEach((name, index) => {
      const list = uses.get(name) ?? [];
      list.push({ node, operator, index });
      uses.set(name, list);
    });
  }
  const isAt = (name: string, places: 'statistics' | 'weights') =>
    uses.get(name)?.some(({ operator, index }) => operator[places]?.includes(index)) ?? false;
  const members = new Map<string, Parameter | Buffer>();
  const values = new Map<string, Value>();

  const add = (name: string, host: HostTensor) => {
    const { type, shape, data } = host;
    const isWeight =
      isFloatType(type) && shape.length > 0 && !known.has(name) && !name.startsWith(OWN_CONSTANT);
    if (isWeight && isAt(name, 'statistics')) {
      const buffer = new Buffer(shape, Float32Array.from(data));
      members.set(name, buffer);
      values.set(name, Value.of(type, buffer.tensor));
    } else if (isWeight && trained(name, shape)) {
      const order = wantedOrder(uses.get(name) ?? [], shape);
      const layout = layoutOf(shape, order);
      const own = order.map((axis) => shape[axis]!);
      const parameter = new Parameter(own, converted(data, layout), layout);
      members.set(name, parameter);
      values.set(name, Value.of(type, parameter.tensor, order));
    } else {
      values.set(name, Value.constant(host));
    }
  };
  const constants = new Map(graph.initializers);
  const dequantised = new Map<OnnxType, number>();
  const held = new Map<string, HostTensor>();
  let merged = 0;
  const nodes = graph.nodes.filter((node) => {
    const [name = ''] = node.outputs;
    const value = node.attributes.get('value');
    if (node.op === 'Constant' && value?.kind === 'tensor') {
      constants.set(name, value.value);
      if (isFilled(value.value) || (!isAt(name, 'weights') && !isAt(name, 'statistics'))) return true;
      held.set(name, value.value);
      return false;
    }
    const same = node.op === 'Identity' && !known.has(name) ? constants.get(node.inputs[0]!) : undefined;
    if (same && isFloatType(same.type)) {
      const copy = { ...same, data: same.data.slice() };
      constants.set(name, copy);
      held.set(name, copy);
      merged++;
      return false;
    }
    const weight = node.op === 'DequantizeLinear' ? dequantisedWeight(node, constants) : undefined;
    if (!weight || known.has(name)) return true;
    const from = constants.get(node.inputs[0]!)!.type;
    dequantised.set(from, (dequantised.get(from) ?? 0) + 1);
    held.set(name, weight);
    return false;
  });
  const used = new Set([...nodesOf({ ...graph, nodes })].flatMap(({ inputs }) => inputs));
  for (const { name } of graph.outputs) used.add(name);
  for (const [name, host] of graph.initializers) if (used.has(name)) add(name, host);
  for (const [name, host] of held) add(name, host);
  const notes = Array.from(
    dequantised,
    ([type, count]) => `${count} ${count === 1 ? 'weight was' : 'weights were'} dequantised from ${type}`,
  );
  if (merged > 0) {
    notes.push(
      `${merged} ${merged === 1 ? 'weight that shares its values with another is' : 'weights that share their values with others are'} trained by ${merged === 1 ? 'itself' : 'themselves'}`,
    );
  }
  return { members, values, graph: { ...graph, nodes }, notes };
}

/** Whether all values are 0, or all 1: what an exporter writes for a norm that has no weights. */
const isFilled = ({ data }: HostTensor): boolean =>
  (data[0] === 0 || data[0] === 1) && data.every((value) => value === data[0]);

/** (x - zero point) * scale of constants; undefined where one is computed, or the form is another. */
function dequantisedWeight(
  node: OnnxNode,
  constants: ReadonlyMap<string, HostTensor>,
): HostTensor | undefined {
  const [x, scale, zero] = node.inputs.map((name) => constants.get(name));
  if (!x || !scale || x.shape.length === 0 || (node.inputs[2] && !zero)) return undefined;
  const count = scale.data.length;
  const given = node.attributes.get('axis');
  const axis = given?.kind === 'int' ? given.value : 1;
  const dim = axis < 0 ? axis + x.shape.length : axis;
  if (count !== 1 && count !== x.shape[dim]) return undefined;
  const step = count === 1 ? x.data.length : numel(x.shape.slice(dim + 1));
  const data = Float32Array.from(x.data, (value, i) => {
    const k = Math.floor(i / step) % count;
    return (value - (zero?.data[k] ?? 0)) * scale.data[k]!;
  });
  return { type: 'float', shape: x.shape, data };
}

/** The order that all uses of a weight want it in; ONNX's where they differ. */
function wantedOrder(uses: readonly Use[], shape: Shape): Order {
  const rank = shape.length;
  const [first, ...others] = uses.map(({ node, operator, index }) =>
    operator.weightOrder?.(index, rank, new Attributes(node)),
  );
  return first && others.every((order) => order && String(order) === String(first)) ? first : natural(rank);
}
