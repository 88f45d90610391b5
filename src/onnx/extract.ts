import { UsageError } from '../errors.ts';
import { didYouMean } from '../options.ts';
import { namesRead, type OnnxModel } from './graph.ts';

/** The values that the nodes of a model compute, in their order. */
export const computedNames = ({ graph }: OnnxModel): string[] =>
  graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));

/**
 * The part of a model that computes values of these names, which become its outputs (onnx.utils.extract_model). Its inputs stay.
 *
 * @throws UsageError, in the name of `call`, for a name that nothing computes.
 */
export function extracted(call: string, model: OnnxModel, names: readonly string[]): OnnxModel {
  const { graph } = model;
  const known = computedNames(model);
  const stray = names.find((name) => !known.includes(name));
  if (stray !== undefined) {
    const outputs = graph.outputs.map(({ name }) => name);
    const inside = known.filter((name) => !outputs.includes(name));
    // The last ones are those that features are looked for among.
    const some = inside.length > 12 ? [...inside.slice(0, 3), '…', ...inside.slice(-8)] : inside;
    const within = some.length === 0 ? '' : `; inside it computes ${some.join(', ')}`;
    throw new UsageError(
      `${call}: the model computes no value ${JSON.stringify(stray)}${didYouMean(stray, known) || `; its outputs are ${outputs.join(', ')}${within}`}`,
    );
  }
  const needed = new Set(names);
  const nodes = graph.nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((name) => needed.has(name))) return false;
      for (const name of namesRead(node)) needed.add(name);
      return true;
    })
    .toReversed();
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  const ports = new Map(graph.outputs.map((port) => [port.name, port]));
  const outputs = names.map((name) => ports.get(name) ?? { name, type: 'float' as const, shape: undefined });
  return { ...model, graph: { ...graph, nodes, initializers, outputs } };
}
