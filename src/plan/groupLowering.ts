import type { Caps } from '../device/caps.ts';
import type { State } from '../graph/state.ts';
import { baseOf, type Node, type Tensor } from '../graph/tensor.ts';
import { chainDispatch } from '../kernels/elementwise/elementwise.ts';
import { type FusedChain, functionsOf, fusedSnippet } from '../kernels/elementwise/fused.ts';
import { loadChain } from '../kernels/elementwise/loadChain.ts';
import {
  checkScratch,
  checkTensor,
  type Dispatch,
  type KernelPlan,
  workgroupsOf,
} from '../kernels/kernel.ts';
import type { StrategyName } from '../kernels/strategy.ts';
import type { Shape, TensorSpec } from '../shape.ts';
import { packParams } from '../wgsl/assemble.ts';
import { type Chained, joined, movesBehind, type Summed, withChain } from './foldParts.ts';
import { chainOf, type Group } from './fuse.ts';
import type { Readers } from './readers.ts';
import { buffersOf, nextBinding, type Shaders } from './shaders.ts';
import { type LoweredDispatch, type LoweredOp, labelOf, type Storage } from './storage.ts';

/** Elements between places where a buffer may be bound: 256 bytes, on every device. */
const BINDING_ALIGNMENT = 64;

const specOf = ({ shape, dtype }: Tensor): TensorSpec => ({ shape, dtype });

/** A plan, and the strategy that it is of. */
export interface ChosenPlan extends KernelPlan {
  readonly strategy?: StrategyName;
}

/** Groups of nodes, one after the other, as dispatches over storages. */
export class GroupLowering {
  readonly storages = new Map<Tensor, Storage>();
  readonly #states = new Map<State, Storage>();
  readonly #caps: Caps;
  readonly #maxStorageBuffers: number;
  readonly #plans: ReadonlyMap<Node, ChosenPlan>;
  readonly #shaders: Shaders;
  /** Sums of parts, by what they are stored in. */
  readonly #summed = new Map<Storage, Summed>();
  /** Chains of elementwise operations, by what they are stored in. */
  readonly #chained = new Map<Storage, Chained>();
  readonly #readers: Readers;

  /** `maxStorageBuffers` are those that a dispatch may bind that does the work of two: 0, and none does. */
  constructor(
    caps: Caps,
    plans: ReadonlyMap<Node, ChosenPlan>,
    shaders: Shaders,
    maxStorageBuffers: number,
    readers: Readers,
  ) {
    this.#caps = caps;
    this.#maxStorageBuffers = maxStorageBuffers;
    this.#readers = readers;
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

  /** Appends a group to the operations that were lowered already. */
  lowerGroup(group: Group, ops: LoweredOp[]): void {
    const root = group.root ?? (group.chain ? undefined : group.nodes[0]!);
    const inlined = root && this.#inlineOf(root, ops);
    if (inlined) {
      const { chained, plan } = inlined;
      ops.splice(ops.indexOf(chained.op), 1);
      ops.push(withChain(chained, this.#lowerWith(group, plan, ops, chained.names)));
      return;
    }
    const fold = root && this.#foldOf(root, group.chain?.inputs.length ?? 0, ops);
    if (!fold) {
      ops.push(this.#lowerWith(group, root && this.#plans.get(root)!, ops));
      return;
    }
    const { summed, plan } = fold;
    ops.splice(ops.indexOf(summed.op), 1);
    ops.push(joined(summed, this.#lowerWith(group, plan, ops, summed.names)));
  }

  /** The plan of a root that computes what it loads by the chain that would, where nothing else reads that. */
  #inlineOf(root: Node, ops: readonly LoweredOp[]): { chained: Chained; plan: ChosenPlan } | undefined {
    const plan = this.#plans.get(root)!;
    const [dispatch, ...rest] = plan.dispatches;
    if (!dispatch?.load) return undefined;
    const value = root.inputs[dispatch.load.tensor]!;
    const chained = this.#chained.get(this.storageOf(value));
    if (!chained || chained.output.kept || !this.#readers.only(baseOf(value), root)) return undefined;
    const { op, chain, shape } = chained;
    const at = ops.indexOf(op);
    const fits = chain.inputs.length + 1 <= this.#maxStorageBuffers;
    if (!fits || at < 0 || !movesBehind(op, ops.slice(at + 1))) return undefined;
    const binding = nextBinding(this.#shaders.of(dispatch));
    const inline = loadChain(dispatch, dispatch.load.snippet, chain, shape, binding);
    return inline && { chained, plan: { ...plan, dispatches: [inline, ...rest] } };
  }

  /** The plan of a root that adds up the parts of what it reads first, where nothing else needs their sum before. */
  #foldOf(
    root: Node,
    inputs: number,
    ops: readonly LoweredOp[],
  ): { summed: Summed; plan: ChosenPlan } | undefined {
    const plan = this.#plans.get(root)!;
    const [dispatch, ...rest] = plan.dispatches;
    const summed = dispatch?.first && this.#summed.get(this.storageOf(root.inputs[dispatch.first.tensor]!));
    if (!summed || !dispatch.first?.pays(summed.sum.splits)) return undefined;
    const shader = this.#shaders.of(dispatch);
    const buffers = buffersOf(shader) + inputs + Object.keys(summed.names).length;
    const at = ops.indexOf(summed.op);
    const fits = buffers <= this.#maxStorageBuffers;
    if (!fits || at < 0 || !movesBehind(summed.op, ops.slice(at + 1))) return undefined;
    const reading = dispatch.first.of(dispatch, summed.sum, nextBinding(shader));
    return { summed, plan: { ...plan, dispatches: [reading, ...rest] } };
  }

  #lowerWith(
    group: Group,
    plan: ChosenPlan | undefined,
    before: readonly LoweredOp[],
    more: Readonly<Record<string, Storage>> = {},
  ): LoweredOp {
    if (!group.chain) return this.#lowerNode(group.nodes[0]!, plan!, before, more);
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
      const op = this.#finish(group, { dispatches: [dispatch] }, names, inputs, [output]);
      const { y: stored, ...read } = names;
      if (output.dtype === 'f32' && chain.dtype === 'f32') {
        this.#chained.set(stored!, { op, output: stored!, chain, shape: output.shape, names: read });
      }
      return op;
    }
    const root = group.root;
    const last = plan!.dispatches.at(-1)!;
    const lanes = last.epilogue === 'vec4f' ? 4 : 1;
    const first = nextBinding(this.#shaders.of(last));
    const epilogue = fusedSnippet(chain, output.shape, first, 'epilogue', lanes, last.channels);
    const names = { ...this.#namesOf(root), ...more };
    names[group.rootOutput!] = this.storageOf(output);
    inputs.forEach((input, k) => {
      names[`in${k}`] = this.storageOf(input);
    });
    const reads = [...Object.values(root.inputs), ...inputs];
    const writes = Object.entries(root.outputs).map(([name, value]) =>
      name === group.rootOutput ? output : value,
    );
    return this.#finish(group, plan!, names, reads, writes, { text: epilogue, chain, shape: output.shape });
  }

  #lowerNode(
    node: Node,
    plan: ChosenPlan,
    before: readonly LoweredOp[],
    more: Readonly<Record<string, Storage>> = {},
  ): LoweredOp {
    const group: Group = { id: node.id, nodes: [node] };
    if (node.op === 'pack') return this.#lowerPack(node, plan, group, before);
    return this.#finish(
      group,
      plan,
      { ...this.#namesOf(node), ...more },
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
    epilogue?: { readonly text: string; readonly chain: FusedChain; readonly shape: Shape },
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
    const functions = epilogue ? functionsOf(epilogue.chain) : [];
    const dispatches = plan.dispatches.flatMap((dispatch): LoweredDispatch[] => {
      const workgroups = workgroupsOf(dispatch);
      if (workgroups.some((count) => count === 0)) return [];
      // Where several dispatches write parts of the output, all end alike.
      const fusedHere = epilogue && dispatch.epilogue !== undefined;
      const more = functions.filter((text) => !dispatch.snippets?.includes(text));
      const extended =
        fusedHere && more.length > 0
          ? { ...dispatch, snippets: [...more, ...(dispatch.snippets ?? [])] }
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
    const op: LoweredOp = {
      label,
      dispatches,
      reads: storages(reads),
      writes: storages(writes),
      scratch,
      tables,
      nodes: group.nodes,
      strategy: plan.strategy,
    };
    const last = plan.dispatches.at(-1);
    if (last?.splits && dispatches.length === plan.dispatches.length) {
      const named = (variable: string) => names[last.bind?.[variable] ?? variable];
      const bias = named('bias_values');
      const { chain, shape = named('y')!.spec.shape } = epilogue ?? {};
      this.#summed.set(named('y')!, {
        op,
        output: named('y')!,
        sum: { splits: last.splits, bias: bias !== undefined, shape, ...(chain ? { chain } : {}) },
        names: {
          first_parts: named('parts')!,
          ...(bias ? { first_bias: bias } : {}),
          ...Object.fromEntries((chain?.inputs ?? []).map((_, k) => [`first_in${k}`, names[`in${k}`]!])),
        },
      });
    }
    return op;
  }
}
