import { DataError, FoveaError, ShapeError } from '../errors.ts';
import { evaluate } from '../graph/evaluate.ts';
import { namesRead, type OnnxGraph, type OnnxModel, type OnnxNode } from './graph.ts';
import { expectOperations } from './missing.ts';
import { Call, type Outputs, type Recording } from './operator.ts';
import { operatorNamed } from './operators/index.ts';
import { UnsupportedError } from './unsupported.ts';
import { Value } from './value.ts';

/** Larger values than this are not computed on the CPU, though they are known: they are left to the GPU. */
export const FOLDED_ELEMENTS = 65_536;

/** More nodes than this are not recorded, those of loops counted as often as they run: loops in loops would never end. */
const MOST_NODES = 100_000;

/** Values by name, of a graph and of those around it. */
export type Scope = ReadonlyMap<string, Value>;

/** A graph that is being recorded, and how far. */
interface Frame {
  readonly graph: OnnxGraph;
  readonly values: Map<string, Value>;
  node: number;
}

/** What a model's nodes are recorded with. */
export interface RunContext {
  /** Versions of the operation sets by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The program that wrote the file. */
  readonly producer: string;
  /** The graphs that are being recorded, the outermost first. */
  readonly frames: Frame[];
  /** How many nodes were recorded so far. */
  recorded: number;
  /** Told of each value that a node of the outermost graph computes. */
  readonly seen?: (name: string, value: Value) => void;
}

/** The state of a recording that begins. */
export const newContext = ({ opsets, producer }: OnnxModel, seen?: RunContext['seen']): RunContext => ({
  opsets,
  producer,
  frames: [],
  recorded: 0,
  ...(seen ? { seen } : {}),
});

/** By name: the last node that uses a value; beyond the last node for outputs. */
const lastUses = new WeakMap<OnnxGraph, ReadonlyMap<string, number>>();

function lastUsesOf(graph: OnnxGraph): ReadonlyMap<string, number> {
  const known = lastUses.get(graph);
  if (known) return known;
  const uses = new Map<string, number>();
  graph.nodes.forEach((node, i) => {
    for (const name of namesRead(node)) uses.set(name, i);
  });
  for (const { name } of graph.outputs) uses.set(name, Number.POSITIVE_INFINITY);
  lastUses.set(graph, uses);
  return uses;
}

/** What was computed so far and is needed by nodes that are still to come. */
export function liveValues(context: RunContext): Set<Value> {
  const live = new Set<Value>();
  for (const { graph, values, node } of context.frames) {
    const uses = lastUsesOf(graph);
    for (const [name, value] of values) {
      if ((uses.get(name) ?? -1) >= node && !value.constant) live.add(value);
    }
  }
  return live;
}

/** Records a graph. Returns its outputs, in order. `scope` has its inputs and initializers, and what is around it. */
export function* runGraph(graph: OnnxGraph, scope: Scope, context: RunContext): Recording<Value[]> {
  const values = new Map(scope);
  const frame: Frame = { graph, values, node: 0 };
  context.frames.push(frame);
  for (const node of graph.nodes) {
    if (++context.recorded > MOST_NODES) {
      throw new UnsupportedError(
        `${node.label}: the model records more than ${MOST_NODES} nodes, with all rounds of its loops; that many are not supported`,
      );
    }
    const inputs = node.inputs.map((name) => {
      if (name === '') return undefined;
      const value = values.get(name);
      if (value) return value;
      throw new DataError(
        `${node.label}: nothing before it computes ${JSON.stringify(name)}; the file is damaged`,
      );
    });
    const outputs = yield* runNode(node, inputs, values, context);
    node.outputs.forEach((name, i) => {
      const value = outputs[i];
      if (name === '' || !value) return;
      values.set(name, value);
      if (context.frames.length === 1) context.seen?.(name, value);
    });
    frame.node++;
  }
  context.frames.pop();
  return graph.outputs.map(({ name }) => {
    const value = values.get(name);
    if (value) return value;
    throw new DataError(`no node computes the output ${JSON.stringify(name)}; the file is damaged`);
  });
}

const isRecording = (outputs: Outputs | Recording<Outputs>): outputs is Recording<Outputs> =>
  'next' in outputs && typeof outputs.next === 'function';

function* runNode(
  node: OnnxNode,
  inputs: readonly (Value | undefined)[],
  scope: Scope,
  context: RunContext,
): Recording<readonly (Value | undefined)[]> {
  const { run, known = [] } = operatorNamed(node.op);
  if (!run) throw new UnsupportedError(`${node.label}: there is no such operation`);
  const unknown = known.flatMap((index) => inputs[index] ?? []).filter(({ constant }) => !constant);
  if (unknown.length > 0) yield { label: node.label, values: unknown };
  const inner = (graph: OnnxGraph, given: readonly Value[]) => {
    expectOperations(graph, context.opsets.get('') ?? 1);
    const around = new Map(scope);
    for (const [name, host] of graph.initializers) around.set(name, Value.constant(host));
    graph.inputs.forEach(({ name }, i) => {
      if (given[i]) around.set(name, given[i]);
    });
    return runGraph(graph, around, context);
  };
  const { opsets, producer } = context;
  const call = new Call(node, opsets.get(node.domain) ?? 1, inputs, inner, producer);
  let outputs: Outputs;
  try {
    const result = run(call);
    outputs = isRecording(result) ? yield* result : result;
  } catch (error) {
    if (error instanceof ShapeError && !error.message.startsWith(node.label)) {
      throw new ShapeError(`${node.label}: ${error.message}`, { cause: error });
    }
    // Attributes that make no sense: a list that is too short, a size of 2^60.
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new DataError(
        `${node.label}: its inputs and attributes do not fit (${error.message}); the file is damaged`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
  const list = outputs instanceof Value ? [outputs] : outputs;
  if (isOfConstants(node, scope)) for (const value of list) if (value) fold(value);
  return list;
}

/** Whether all that a node reads is known: its inputs, and what the graphs in it read from around them. */
function isOfConstants(node: OnnxNode, scope: Scope): boolean {
  for (const name of namesRead(node)) if (name !== '' && !scope.get(name)?.constant) return false;
  return true;
}

/** Makes a value that depends on nothing but known ones known too: arithmetic on shapes costs nothing at run time. */
function fold(value: Value): void {
  if (value.constant || value.size > FOLDED_ELEMENTS) return;
  try {
    value.settle(evaluate([value.tensor()])[0]!);
  } catch (error) {
    // An operation without a reference: the GPU computes it.
    if (!(error instanceof FoveaError)) throw error;
  }
}
