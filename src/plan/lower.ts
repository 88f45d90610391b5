import type { Caps } from '../device/caps.ts';
import { DeviceLimitError } from '../errors.ts';
import { loadStrategies, strategiesOf } from '../graph/operation.ts';
import type { Effect } from '../graph/recorder.ts';
import type { State } from '../graph/state.ts';
import { baseOf, type Node, type Operation, type Tensor } from '../graph/tensor.ts';
import { chainDispatch } from '../kernels/elementwise/elementwise.ts';
import { functionsOf, fusedSnippet } from '../kernels/elementwise/fused.ts';
import {
  checkScratch,
  checkTensor,
  type Dispatch,
  type KernelPlan,
  type Specs,
  workgroupsOf,
} from '../kernels/kernel.ts';
import { type Candidate, candidates, choose, type Problem, type StrategyName } from '../kernels/strategy.ts';
import type { TensorSpec } from '../shape.ts';
import { packParams } from '../wgsl/assemble.ts';
import { chainOf, fuse, type Group } from './fuse.ts';
import { Readers } from './readers.ts';
import { Shaders } from './shaders.ts';
import { atOnce } from './slices.ts';
import { steadyFirst } from './steady.ts';
import { type Lowered, type LoweredDispatch, type LoweredOp, labelOf, type Storage } from './storage.ts';

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

/** Elements between places where a buffer may be bound: 256 bytes, on every device. */
const BINDING_ALIGNMENT = 64;

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

/** A plan, and the strategy that it is of. */
interface ChosenPlan extends KernelPlan {
  readonly strategy?: StrategyName;
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
    const buffers = shaders.of(dispatch).bindings.filter((binding) => binding.kind !== 'uniform').length;
    return { output, lanes, buffers };
  };
  const maxStorageBuffers = fusion ? Math.min(caps.maxStorageBuffers, 8) : 0;
  const groups = fuse(nodes, readers, baseOf, { maxStorageBuffers, epilogueOf });

  yield;
  const program = new Lowering(caps, plans, shaders);
  for (const root of roots) program.storageOf(root).kept = true;
  const ops: LoweredOp[] = [];
  for (const group of groups) {
    ops.push(program.lowerGroup(group, ops));
    yield;
  }
  const copies = effects.flatMap(({ state, value }) => {
    const from = program.storageOf(value);
    return from.state === state ? [] : [{ from, to: state }];
  });
  return { ...steadyFirst(ops, copies.length > 0), storages: program.storages, copies };
}

class Lowering {
  readonly storages = new Map<Tensor, Storage>();
  readonly #states = new Map<State, Storage>();
  readonly #caps: Caps;
  readonly #plans: ReadonlyMap<Node, ChosenPlan>;
  readonly #shaders: Shaders;

  constructor(caps: Caps, plans: ReadonlyMap<Node, ChosenPlan>, shaders: Shaders) {
    this.#caps = caps;
    this.#plans = plans;
    this.#shaders = shaders;
  }

  /** The memory of a tensor; in-place outputs and states share theirs. */
  storageOf(value: Tensor): Storage {
    const base = baseOf(value);
    const known = this.storages.get(base);
    if (known) return known;
    const { origin } = base;
    let storage: Storage;
    if (origin.kind === 'state') {
      storage = this.#states.get(origin.state) ?? {
        spec: origin.state.spec,
        label: origin.state.label,
        origin: 'state',
        kept: true,
        state: origin.state,
      };
      this.#states.set(origin.state, storage);
    } else if (origin.kind === 'op' && origin.node.operation.kernel.inPlace?.[origin.output]) {
      storage = this.storageOf(origin.node.inputs[origin.node.operation.kernel.inPlace![origin.output]!]!);
    } else {
      const kept = origin.kind !== 'op';
      storage = { spec: specOf(base), label: labelOf(base), origin: origin.kind, kept };
    }
    this.storages.set(base, storage);
    return storage;
  }

  /** `before` are the operations that were lowered already. */
  lowerGroup(group: Group, before: readonly LoweredOp[]): LoweredOp {
    if (!group.chain) return this.#lowerNode(group.nodes[0]!, before);
    const output = group.output!;
    const inputs = group.chain.inputs;
    const chain = chainOf(group);
    if (!group.root) {
      const bind = Object.fromEntries(inputs.map((_, k) => [`in${k}`, `in${k}`]));
      const dispatch = chainDispatch(chain, specOf(output), { ...bind, y: 'y' });
      const names: Record<string, Storage> = { y: this.storageOf(output) };
      inputs.forEach((input, k) => {
        names[`in${k}`] = this.storageOf(input);
      });
      return this.#finish(group, { dispatches: [dispatch] }, names, inputs, [output]);
    }
    const root = group.root;
    const plan = this.#plans.get(root)!;
    const last = plan.dispatches.at(-1)!;
    const lanes = last.epilogue === 'vec4f' ? 4 : 1;
    const first = Math.max(...this.#shaders.of(last).bindings.map((binding) => binding.index)) + 1;
    const epilogue = fusedSnippet(chain, output.shape, first, 'epilogue', lanes, last.channels);
    const names = this.#namesOf(root);
    names[group.rootOutput!] = this.storageOf(output);
    inputs.forEach((input, k) => {
      names[`in${k}`] = this.storageOf(input);
    });
    const reads = [...Object.values(root.inputs), ...inputs];
    const writes = Object.entries(root.outputs).map(([name, value]) =>
      name === group.rootOutput ? output : value,
    );
    return this.#finish(group, plan, names, reads, writes, { text: epilogue, functions: functionsOf(chain) });
  }

  #lowerNode(node: Node, before: readonly LoweredOp[]): LoweredOp {
    const plan = this.#plans.get(node)!;
    const group: Group = { id: node.id, nodes: [node] };
    if (node.op === 'pack') return this.#lowerPack(node, plan, group, before);
    return this.#finish(
      group,
      plan,
      this.#namesOf(node),
      Object.values(node.inputs),
      Object.values(node.outputs),
    );
  }

  /**
   * Inputs that some operation of this program writes, and that live nowhere else, are written straight into
   * their place; only the others are copied. The buffer is cleared once, when it is made. WebGPU tracks whole
   * buffers: none is read and written in one dispatch, so of two inputs where one is computed from the other only
   * one is written in place, and an input that is packed twice is copied twice.
   */
  #lowerPack(node: Node, plan: ChosenPlan, group: Group, before: readonly LoweredOp[]): LoweredOp {
    const y = this.storageOf(node.outputs.y!);
    y.kept = true;
    const offsets = (node.attrs as { offsets: readonly number[] }).offsets;
    const copied: Dispatch[] = [];
    const storages = Object.values(node.inputs).map((input) => this.storageOf(input));
    // What may not live in y: it meets something in y on the other side of an operation.
    const apart = new Set<Storage>();
    storages.forEach((storage, k) => {
      const once = storages.indexOf(storage) === storages.lastIndexOf(storage);
      const free = storage.origin === 'op' && !storage.kept && !storage.home && !storage.state;
      if (!free || !once || apart.has(storage) || offsets[k]! % BINDING_ALIGNMENT !== 0) {
        copied.push(plan.dispatches[k + 1]!);
        return;
      }
      storage.home = { storage: y, offset: offsets[k]! * 4 };
      for (const { reads, writes } of before) {
        if (reads.includes(storage)) for (const other of writes) apart.add(other);
        if (writes.includes(storage)) for (const other of reads) apart.add(other);
      }
    });
    const inputs = Object.values(node.inputs);
    return this.#finish(group, { dispatches: copied }, this.#namesOf(node), inputs, [node.outputs.y!]);
  }

  #namesOf(node: Node): Record<string, Storage> {
    const named = [...Object.entries(node.inputs), ...Object.entries(node.outputs)];
    return Object.fromEntries(named.map(([name, value]) => [name, this.storageOf(value)]));
  }

  #finish(
    group: Group,
    plan: ChosenPlan,
    names: Record<string, Storage>,
    reads: readonly Tensor[],
    writes: readonly Tensor[],
    epilogue?: { readonly text: string; readonly functions: readonly string[] },
  ): LoweredOp {
    const label = group.nodes.map((node) => node.op).join('+');
    for (const [name, storage] of Object.entries(names)) {
      checkTensor(label, name, storage.spec, this.#caps);
    }
    checkScratch(label, plan, this.#caps);
    const own = (name: string, bytes: number): Storage => ({
      spec: { shape: [Math.ceil(bytes / 4)], dtype: 'u32' },
      label: `${label} ${name}`,
      origin: 'op',
      kept: false,
    });
    const scratch = Object.entries(plan.scratch ?? {}).map(([name, bytes]) => {
      names[name] = own(name, bytes);
      return names[name];
    });
    const tables = new Map<Storage, Float32Array | Int32Array | Uint32Array>();
    for (const [name, values] of Object.entries(plan.tables ?? {})) {
      names[name] = { ...own(name, values.byteLength), kept: true };
      tables.set(names[name], values);
    }
    const dispatches = plan.dispatches.flatMap((dispatch): LoweredDispatch[] => {
      const workgroups = workgroupsOf(dispatch);
      if (workgroups.some((count) => count === 0)) return [];
      // Where several dispatches write parts of the output, all end alike.
      const fusedHere = epilogue && dispatch.epilogue !== undefined;
      const extended =
        fusedHere && epilogue.functions.length > 0
          ? { ...dispatch, snippets: [...epilogue.functions, ...(dispatch.snippets ?? [])] }
          : dispatch;
      const shader = this.#shaders.of(extended, fusedHere ? epilogue.text : undefined);
      const bindings = shader.bindings.flatMap((binding) => {
        if (binding.kind === 'uniform') return [];
        const name = dispatch.bind?.[binding.name] ?? binding.name;
        return [{ index: binding.index, storage: names[name]! }];
      });
      return [{ shader, params: packParams(shader, dispatch.params ?? {}), workgroups, bindings }];
    });
    const storages = (tensors: readonly Tensor[]) => [
      ...new Set(tensors.map((value) => this.storageOf(value))),
    ];
    return {
      label,
      dispatches,
      reads: storages(reads),
      writes: storages(writes),
      scratch,
      tables,
      nodes: group.nodes,
      strategy: plan.strategy,
    };
  }
}
