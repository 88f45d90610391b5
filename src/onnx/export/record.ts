import { UsageError } from '../../errors.ts';
import { record } from '../../graph/recorder.ts';
import { baseOf, type Node, Tensor } from '../../graph/tensor.ts';
import { expectSync, noGrad } from '../../graph/tracking.ts';
import { withoutChunks } from '../../models/sampling.ts';
import type { DType, Shape } from '../../shape.ts';
import type { Graph } from './sizes.ts';

/** The shape of an input; images have Fovea's, [N,H,W,C]. Of another dtype than f32 as `{ shape, dtype }`, such as a tensor. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype: DType };

/** What a model computes: a tensor, or several in an array or by name. What is undefined is left out. */
export type Outcome = object;

/** Shape and dtype of an input. */
export const specOf = (spec: InputSpec): { readonly shape: Shape; readonly dtype: DType } =>
  'dtype' in spec ? { shape: spec.shape, dtype: spec.dtype } : { shape: spec, dtype: 'f32' };

/** The results of a function by name. */
function named(outcome: Outcome): Map<string, Tensor> {
  const entries: [string, unknown][] =
    outcome instanceof Tensor
      ? [['output', outcome]]
      : Array.isArray(outcome)
        ? outcome.map((value, i): [string, unknown] => [`output_${i}`, value])
        : Object.entries(outcome ?? {});
  const results = new Map<string, Tensor>();
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    if (!(value instanceof Tensor)) {
      throw new UsageError(
        `exportOnnx: the model gives ${name}: ${String(value)}, which is no tensor; pass forward: (…) => ({ name: tensor })`,
      );
    }
    results.set(name, value);
  }
  if (results.size === 0) throw new UsageError('exportOnnx: the model gives no tensor');
  return results;
}

/** Nodes that results need, in the order in which they were recorded. `inputs`: what a node needs, where that is not all. */
export function neededNodes(roots: Iterable<Tensor>, inputs: (node: Node) => readonly Tensor[]): Node[] {
  const nodes = new Set<Node>();
  const stack = [...roots].map(baseOf);
  while (stack.length > 0) {
    const { origin } = stack.pop()!;
    if (origin.kind !== 'op' || nodes.has(origin.node)) continue;
    nodes.add(origin.node);
    for (const input of inputs(origin.node)) stack.push(baseOf(input));
  }
  return [...nodes].sort((a, b) => a.id - b.id);
}

/** Records what a model computes for placeholders; nothing runs. `choose`: the results that are exported, of all. */
export function recordGraph(
  run: (inputs: Readonly<Record<string, Tensor>>) => Outcome,
  specs: Readonly<Record<string, { readonly shape: Shape; readonly dtype: DType }>>,
  images: number,
  choose: (results: Map<string, Tensor>) => Map<string, Tensor>,
): Graph {
  const inputs = new Map(
    Object.entries(specs).map(([name, spec]) => [name, new Tensor(spec, { kind: 'input', name })]),
  );
  const { result } = record(() =>
    noGrad(() => withoutChunks(() => expectSync('exportOnnx', run(Object.fromEntries(inputs))))),
  );
  const results = choose(named(result));
  return {
    images,
    inputs,
    results,
    nodes: neededNodes(results.values(), ({ inputs: all }) => Object.values(all)),
  };
}
