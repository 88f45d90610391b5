import { firstOf } from '../graph/repetition.ts';
import type { Node, Tensor } from '../graph/tensor.ts';
import { type FusedChain, type FusedStep, type IndexMode, indexMode } from '../kernels/elementwise/fused.ts';
import { expressionOf } from '../kernels/elementwise/row.ts';
import { isFloat, sameShape, type TensorSpec } from '../shape.ts';
import type { Readers } from './readers.ts';

/**
 * What becomes one operation: either a node as it is, or a chain of elementwise operations, alone or as the
 * epilogue of the kernel that produced its first value (`root`).
 */
export interface Group {
  /** The node at whose place the group runs: its last. */
  readonly id: number;
  readonly root?: Node;
  /** The root's output that flows into the chain. */
  readonly rootOutput?: string;
  readonly chain?: { readonly inputs: readonly Tensor[]; readonly steps: readonly FusedStep[] };
  /** What the group computes: the last node's output. */
  readonly output?: Tensor;
  readonly nodes: readonly Node[];
}

export interface FusionLimits {
  /** Storage buffers that a dispatch may bind. */
  readonly maxStorageBuffers: number;
  /** The epilogue that a node's kernel offers for its main output, and how many buffers it binds itself. */
  epilogueOf(
    node: Node,
  ): { readonly output: string; readonly lanes: 1 | 4; readonly buffers: number } | undefined;
}

/** Everything that a tensor's value depends on through views is its base. */
type BaseOf = (value: Tensor) => Tensor;

/** Chains longer than this compile slowly on software adapters and save nothing more. */
const MAX_STEPS = 12;

/**
 * Groups nodes (in order) so that an elementwise operation runs inside the one that feeds it, where that value
 * is read by nobody else.
 */
export function fuse(
  nodes: readonly Node[],
  readers: Readers,
  baseOf: BaseOf,
  limits: FusionLimits,
): Group[] {
  const groups = new Map<Tensor, Group>();
  const result = new Set<Group>();
  const barriers = nodes.filter((node) => node.operation.kernel.inPlace).map((node) => node.id);
  const barrierBetween = (a: number, b: number) => barriers.some((id) => id > a && id < b);

  for (const node of nodes) {
    const single: Group = { id: node.id, nodes: [node] };
    const fused = fuseNode(node, { groups, readers, baseOf, limits, barrierBetween });
    const group = fused?.group ?? single;
    for (const absorbed of fused?.absorbed ?? []) result.delete(absorbed);
    result.add(group);
    for (const output of Object.values(node.outputs)) groups.set(output, group);
  }
  return [...result].sort((a, b) => a.id - b.id);
}

interface Context {
  readonly groups: ReadonlyMap<Tensor, Group>;
  readonly readers: Readers;
  readonly baseOf: BaseOf;
  readonly limits: FusionLimits;
  barrierBetween(a: number, b: number): boolean;
}

function fuseNode(node: Node, context: Context): { group: Group; absorbed: Group[] } | undefined {
  const ref = node.operation.kernel.elementwise;
  const output = Object.values(node.outputs)[0]!;
  if (!ref || !isFloat(output.dtype)) return undefined;
  const { uses } = expressionOf(ref);
  const args = uses.map((name) => node.inputs[name]!);
  if (args.some((arg) => indexMode(arg.shape, output.shape) === undefined)) return undefined;

  const inputs: Tensor[] = [];
  const steps: FusedStep[] = [];
  const nodes: Node[] = [];
  const absorbed: Group[] = [];
  let root: Group | undefined;
  const inputIndex = (value: Tensor): string => {
    // The same memory under another shape is read by another index, so views are inputs of their own.
    const known = inputs.findIndex(
      (input) => context.baseOf(input) === context.baseOf(value) && sameShape(input.shape, value.shape),
    );
    return `in${known >= 0 ? known : inputs.push(value) - 1}`;
  };
  const place = new Map<Tensor, string>();
  for (const arg of new Set(args)) {
    const base = context.baseOf(arg);
    const group = context.groups.get(base);
    const merged = place.get(base);
    if (merged) {
      place.set(arg, merged);
      continue;
    }
    if (!group || !absorbable(group, base, arg, node, output, context)) continue;
    if (group.chain && steps.length + group.chain.steps.length + 1 > MAX_STEPS) continue;
    const rooted = group.root ?? (group.chain ? undefined : group.nodes[0]);
    if (rooted && root) continue;
    if (rooted) root = group;
    const offset = steps.length;
    const renamed = (name: string): string => {
      if (name === 'v') return 'v';
      if (name.startsWith('t')) return `t${Number(name.slice(1)) + offset}`;
      return inputIndex(group.chain!.inputs[Number(name.slice(2))]!);
    };
    for (const step of group.chain?.steps ?? []) {
      const renamedArgs = Object.entries(step.args).map(([key, name]) => [key, renamed(name)] as const);
      steps.push({ ...step, args: Object.fromEntries(renamedArgs) });
    }
    place.set(arg, group.chain ? `t${steps.length - 1}` : 'v');
    place.set(base, place.get(arg)!);
    nodes.push(...group.nodes);
    absorbed.push(group);
  }
  const stepArgs = uses.map((name, k) => [name, place.get(args[k]!) ?? inputIndex(args[k]!)] as const);
  steps.push({ ...ref, attrs: node.attrs as Record<string, number>, args: Object.fromEntries(stepArgs) });
  nodes.push(node);

  const rootNode = root ? (root.root ?? root.nodes[0]!) : undefined;
  const epilogue = rootNode ? context.limits.epilogueOf(rootNode) : undefined;
  const bound = (epilogue ? epilogue.buffers : 1) + inputs.length;
  const readsWell = inputs.every((input) => {
    const mode = indexMode(input.shape, output.shape);
    return mode !== undefined && (epilogue?.lanes !== 4 || !('n' in mode) || mode.n % 4 === 0);
  });
  if (bound > context.limits.maxStorageBuffers || !readsWell) {
    // Too much for one dispatch: a chain of its own, which reads everything from memory.
    const own = [...new Set(args)];
    const alone = uses.map((name, k) => [name, `in${own.indexOf(args[k]!)}`] as const);
    const step: FusedStep = {
      ...ref,
      attrs: node.attrs as Record<string, number>,
      args: Object.fromEntries(alone),
    };
    return {
      group: { id: node.id, chain: { inputs: own, steps: [step] }, output, nodes: [node] },
      absorbed: [],
    };
  }
  const group: Group = {
    id: node.id,
    ...(rootNode ? { root: rootNode, rootOutput: epilogue!.output } : {}),
    chain: { inputs, steps },
    output,
    nodes,
  };
  return { group, absorbed };
}

/** Whether the group that computes `base` may run inside the operation that reads it as `arg`. */
function absorbable(
  group: Group,
  base: Tensor,
  arg: Tensor,
  reader: Node,
  { shape, dtype }: TensorSpec,
  { readers, limits, barrierBetween }: Context,
): boolean {
  if (!readers.only(base, reader)) return false;
  if (indexMode(arg.shape, shape)?.kind !== 'same' || barrierBetween(group.nodes[0]!.id, reader.id))
    return false;
  if (group.chain && group.output !== base) return false;
  // A view between the two may have reshaped the chain's value, and an input would then be read elsewhere.
  const readAlike = (input: Tensor) =>
    sameMode(indexMode(input.shape, base.shape), indexMode(input.shape, shape));
  if (group.chain && !group.chain.inputs.every(readAlike)) return false;
  const node = group.root ?? (group.chain ? undefined : group.nodes[0]!);
  if (!node) return true;
  const epilogue = limits.epilogueOf(node);
  const main = epilogue && node.outputs[epilogue.output];
  if (!main || (!group.chain && main !== base)) return false;
  // The kernel stores what it was planned for.
  if (main.dtype !== dtype) return false;
  // The kernel moves to the reader's place, so nobody may want its other outputs before.
  return Object.values(node.outputs).every((other) => {
    if (other === main) return true;
    return [...readers.of(other)].every((user) => user === 'kept' || user.id > firstOf(reader).id);
  });
}

const sameMode = (a: IndexMode | undefined, b: IndexMode | undefined): boolean =>
  a?.kind === b?.kind && (a && 'n' in a ? a.n : 0) === (b && 'n' in b ? b.n : 0);

/** The chain of a group as fused.ts takes it. */
export const chainOf = (group: Group): FusedChain => ({
  inputs: group.chain!.inputs.map(({ shape, dtype }) => ({ shape, dtype })),
  steps: group.chain!.steps,
  dtype: 'f32',
});
