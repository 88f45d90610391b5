import { DataError, FoveaError, ShapeError } from '../errors.ts';
import { evaluate } from '../graph/evaluate.ts';
import type { OnnxGraph, OnnxNode } from './graph.ts';
import { emptyValues } from './hostTensor.ts';
import { expectOperations } from './missing.ts';
import { Call } from './operator.ts';
import { operatorNamed } from './operators/index.ts';
import { UnsupportedError } from './unsupported.ts';
import { Value } from './value.ts';

/** Larger values than this are not computed on the CPU, though they are known: they are left to the GPU. */
const FOLDED_ELEMENTS = 65_536;

/** Values by name, of a graph and of those around it. */
export type Scope = ReadonlyMap<string, Value>;

/** What a model's nodes are run with. */
export interface RunContext {
  /** Versions of the operation sets by domain. */
  readonly opsets: ReadonlyMap<string, number>;
}

/** Records a graph. Returns its outputs, in order. `scope` has its inputs and initializers, and what is around it. */
export function runGraph(graph: OnnxGraph, scope: Scope, context: RunContext): Value[] {
  const values = new Map(scope);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => {
      if (name === '') return undefined;
      const value = values.get(name);
      if (value) return value;
      throw new DataError(
        `${node.label}: nothing before it computes ${JSON.stringify(name)}; the file is damaged`,
      );
    });
    const outputs = runNode(node, inputs, values, context);
    node.outputs.forEach((name, i) => {
      const value = outputs[i];
      if (name !== '' && value) values.set(name, value);
    });
  }
  return graph.outputs.map(({ name }) => {
    const value = values.get(name);
    if (value) return value;
    throw new DataError(`no node computes the output ${JSON.stringify(name)}; the file is damaged`);
  });
}

function runNode(
  node: OnnxNode,
  inputs: readonly (Value | undefined)[],
  scope: Scope,
  context: RunContext,
): readonly Value[] {
  const { run } = operatorNamed(node.op);
  if (!run) throw new UnsupportedError(`${node.label}: there is no such operation`);
  const inner = (graph: OnnxGraph, given: readonly Value[]) => {
    expectOperations(graph);
    const around = new Map(scope);
    for (const [name, host] of graph.initializers) around.set(name, Value.constant(host));
    graph.inputs.forEach(({ name }, i) => {
      if (given[i]) around.set(name, given[i]);
    });
    return runGraph(graph, around, context);
  };
  const call = new Call(node, context.opsets.get(node.domain) ?? 1, inputs, inner);
  let outputs: Value | readonly Value[];
  try {
    outputs = run(call);
  } catch (error) {
    if (error instanceof ShapeError && !error.message.startsWith(node.label)) {
      throw new ShapeError(`${node.label}: ${error.message}`, { cause: error });
    }
    throw error;
  }
  const list = outputs instanceof Value ? [outputs] : outputs;
  return inputs.every((value) => !value || value.constant) ? list.map(folded) : list;
}

/** A value that depends on nothing but known ones, as one that is known: arithmetic on shapes costs nothing at run time. */
function folded(value: Value): Value {
  if (value.constant || value.size > FOLDED_ELEMENTS) return value;
  const data = emptyValues(value.type, value.size);
  try {
    data.set(evaluate([value.tensor()])[0]!);
  } catch (error) {
    // An operation without a reference: the GPU computes it.
    if (error instanceof FoveaError) return value;
    throw error;
  }
  return Value.constant({ type: value.type, shape: value.shape, data });
}
