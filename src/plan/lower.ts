import type { Caps } from '../device/caps.ts';
import { DeviceLimitError } from '../errors.ts';
import { loadStrategies, strategiesOf } from '../graph/operation.ts';
import type { Effect } from '../graph/recorder.ts';
import { baseOf, type Node, type Operation, type Tensor } from '../graph/tensor.ts';
import type { KernelPlan, Specs } from '../kernels/kernel.ts';
import { type Candidate, candidates, choose, type Problem, type StrategyName } from '../kernels/strategy.ts';
import type { TensorSpec } from '../shape.ts';
import { fuse } from './fuse.ts';
import { type ChosenPlan, GroupLowering } from './groupLowering.ts';
import { Readers } from './readers.ts';
import { buffersOf, Shaders } from './shaders.ts';
import { atOnce } from './slices.ts';
import { steadyFirst } from './steady.ts';
import type { Lowered, LoweredOp } from './storage.ts';

/** Nodes that the roots need, in the order in which they were recorded. */
function neededNodes(roots: readonly Tensor[]): Node[] {
  const nodes = new Set<Node>();
  const stack = roots.map(baseOf);
  while (stack.length > 0) {
    const { origin } = stack.pop()!;
    if (origin.kind !== 'op' || nodes.has(origin.node)) continue;
    nodes.add(origin.node);
    for (const input of Object.values(origin.node.inputs)) stack.push(baseOf(input));
  }
  return [...nodes].sort((a, b) => a.id - b.id);
}

const specOf = ({ shape, dtype }: Tensor): TensorSpec => ({ shape, dtype });
const specsOf = (tensors: Readonly<Record<string, Tensor>>): Specs =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, specOf(value)]));

/** An operation in a program, with the strategies that can compute it, and the one that is expected to be the fastest. */
export interface Choice extends Problem<Specs, Specs, object> {
  readonly operation: Operation;
  readonly candidates: readonly Candidate[];
  readonly guess: Candidate;
}

const fixed = new WeakMap<Node, boolean>();

/** Whether a tensor is the same at every run of a program that changes no state. */
function isFixed(value: Tensor): boolean {
  const { origin } = baseOf(value);
  if (origin.kind !== 'op') return origin.kind !== 'input';
  const { node } = origin;
  const known = fixed.get(node) ?? Object.values(node.inputs).every(isFixed);
  fixed.set(node, known);
  return known;
}

function choiceOf(caps: Caps, node: Node, { training, readOnly }: Needed): Choice {
  const { operation, attrs } = node;
  const [specs, outputs] = [specsOf(node.inputs), specsOf(node.outputs)];
  const { weight } = node.inputs;
  const fixedWeights = readOnly && weight !== undefined && isFixed(weight);
  const purpose = { training, ...(fixedWeights ? { fixedWeights } : {}) };
  const problem = { caps, specs, outputs, attrs, purpose };
  const all = candidates(strategiesOf(operation), problem);
  return { ...problem, operation, candidates: all, guess: choose(all) };
}

/** The plan of the strategy that is asked for by name, where it is a candidate, else of the guess. */
function planOf(choice: Choice, strategyOf: LowerOptions['strategyOf']): ChosenPlan {
  const wanted = strategyOf?.(choice);
  const { name, plan } = choice.candidates.find((candidate) => candidate.name === wanted) ?? choice.guess;
  return { ...plan(), strategy: name };
}

const planAlone = (caps: Caps, { operation: { kernel }, inputs, outputs, attrs }: Node): KernelPlan =>
  kernel.dispatches(caps, specsOf(inputs), specsOf(outputs), attrs);

interface Needed {
  readonly roots: readonly Tensor[];
  readonly nodes: readonly Node[];
  readonly training: boolean;
  /** It changes no state. */
  readonly readOnly: boolean;
}

/** The nodes that results and effects need, and what the program is for. */
function needed(results: readonly Tensor[], effects: readonly Effect[]): Needed {
  const roots = [...results, ...effects.map((effect) => effect.value)];
  const nodes = neededNodes(roots);
  const training = effects.length > 0 || nodes.some(({ op }) => op.includes('_backward'));
  const readOnly = effects.length === 0 && nodes.every(({ operation }) => !operation.kernel.inPlace);
  return { roots, nodes, training, readOnly };
}

/** Loads what lowering chooses from. `lowering` and `choicesOf` need it. */
export const prepareLowering = (results: readonly Tensor[], effects: readonly Effect[]): Promise<void> =>
  loadStrategies(needed(results, effects).nodes.map(({ operation }) => operation));

/** The operations of a program that several strategies can compute: what tuning chooses for. */
export function choicesOf(caps: Caps, results: readonly Tensor[], effects: readonly Effect[]): Choice[] {
  const program = needed(results, effects);
  return program.nodes
    .map((node) => choiceOf(caps, node, program))
    .filter((choice) => choice.candidates.length > 1);
}

export interface LowerOptions {
  /** Fuse elementwise operations; true. */
  readonly fusion?: boolean;
  /** Computes every operation as its kernel does on its own, so that no strategies need to be loaded. Default false. */
  readonly alone?: boolean;
  /** The name of the strategy for an operation; undefined, or one that cannot compute it: the cheapest. */
  readonly strategyOf?: (choice: Choice) => StrategyName | undefined;
}

/** Throws for the first operation that gives f16. */
function expectNoHalves(nodes: readonly Node[]): void {
  for (const { op, outputs } of nodes) {
    if (Object.values(outputs).every(({ dtype }) => dtype !== 'f16')) continue;
    throw new DeviceLimitError(
      `${op}: f16 needs shader-f16, which the device lacks (SwiftShader does, lavapipe has it); cast it to f32, or leave out autocast`,
    );
  }
}

/** Lowers what the results and effects need: fusion, then dispatches over storages. */
export const lower = (...given: Parameters<typeof lowering>): Lowered => atOnce(lowering(...given));

/** The same, with a rest after each operation. */
export function* lowering(
  caps: Caps,
  results: readonly Tensor[],
  effects: readonly Effect[],
  { fusion = true, alone = false, strategyOf }: LowerOptions = {},
): Generator<void, Lowered> {
  const wanted = needed(results, effects);
  const { roots, nodes } = wanted;
  if (!caps.f16) expectNoHalves(nodes);
  const plans = new Map<Node, ChosenPlan>();
  for (const node of nodes) {
    plans.set(node, alone ? planAlone(caps, node) : planOf(choiceOf(caps, node, wanted), strategyOf));
    yield;
  }
  const readers = new Readers(nodes, roots);
  const shaders = new Shaders();
  const epilogueOf = (node: Node) => {
    const dispatch = plans.get(node)!.dispatches.at(-1);
    if (!dispatch?.epilogue) return undefined;
    const output = node.operation.kernel.outputs[0]!;
    const lanes = dispatch.epilogue === 'vec4f' ? (4 as const) : (1 as const);
    const buffers = buffersOf(shaders.of(dispatch));
    return { output, lanes, buffers };
  };
  const maxStorageBuffers = fusion ? caps.maxStorageBuffers : 0;
  const groups = fuse(nodes, readers, baseOf, { maxStorageBuffers, epilogueOf });

  yield;
  const program = new GroupLowering(caps, plans, shaders, maxStorageBuffers, readers);
  for (const root of roots) program.storageOf(root).kept = true;
  const ops: LoweredOp[] = [];
  for (const group of groups) {
    program.lowerGroup(group, ops);
    yield;
  }
  const copies = effects.flatMap(({ state, value }) => {
    const from = program.storageOf(value);
    return from.state === state ? [] : [{ from, to: state }];
  });
  return { ...steadyFirst(ops, copies.length > 0), storages: program.storages, copies };
}
