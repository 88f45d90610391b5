import { evaluate, toReference } from '../../graph/evaluate.ts';
import type { State } from '../../graph/state.ts';
import { baseOf, type Node, type Tensor } from '../../graph/tensor.ts';
import type { RefArray } from '../../reference/reference.ts';
import type { HostArray } from '../../shape.ts';

/** A batch norm in evaluation, found in the arithmetic that it consists of. */
export interface BatchNorm {
  /** The node that gives its result. */
  readonly node: Node;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly eps: number;
  /** The convolution that it is folded into. */
  readonly conv?: Node;
}

const nodeIf = (tensor: Tensor | undefined, op: string): Node | undefined => {
  const origin = tensor?.origin;
  return origin?.kind === 'op' && origin.node.op === op ? origin.node : undefined;
};

/** Whether a tensor depends on nothing but states and constants. */
export function isSettled(tensor: Tensor): boolean {
  const { origin } = baseOf(tensor);
  if (origin.kind === 'op') return Object.values(origin.node.inputs).every(isSettled);
  return origin.kind !== 'input' && origin.kind !== 'device';
}

/** The batch norm whose last addition this node is: add(mul(sub(x, mean), mul(weight, rsqrt(affine(var, 1, eps)))), bias). */
export function batchNormOf(node: Node): BatchNorm | undefined {
  if (node.op !== 'add') return undefined;
  const { a: product, b: bias } = node.inputs;
  const scaled = nodeIf(product, 'mul');
  const centred = nodeIf(scaled?.inputs.a, 'sub');
  const scale = nodeIf(scaled?.inputs.b, 'mul');
  const spread = nodeIf(nodeIf(scale?.inputs.b, 'rsqrt')?.inputs.x, 'affine');
  if (!bias || !centred || !scale || !spread) return undefined;
  const x = centred.inputs.a!;
  const parts = { weight: scale.inputs.a!, bias, mean: centred.inputs.b!, variance: spread.inputs.x! };
  const channels = x.shape.at(-1);
  const fits = Object.values(parts).every(
    (part) =>
      part.shape.length === 1 && part.shape[0] === channels && part.dtype === 'f32' && isSettled(part),
  );
  const { scale: one, shift: eps } = spread.attrs as { readonly scale: number; readonly shift: number };
  return fits && one === 1 && x.dtype === 'f32' && x.shape.length >= 2
    ? { node, x, ...parts, eps }
    : undefined;
}

/** The values of tensors that depend on states alone, in double precision. */
function settled(
  tensors: readonly Tensor[],
  states: ReadonlyMap<State, { readonly values: HostArray }>,
): RefArray[] {
  const known = new Map<Tensor, RefArray>();
  const stack = tensors.map(baseOf);
  while (stack.length > 0) {
    const top = stack.pop()!;
    const { origin } = top;
    if (origin.kind === 'state') known.set(top, toReference(states.get(origin.state)!.values));
    if (origin.kind === 'op') stack.push(...Object.values(origin.node.inputs).map(baseOf));
  }
  return evaluate(tensors, known);
}

/** Filter and bias of a convolution with the batch norm after it: computed in double precision. */
export function folded(
  { conv, weight, bias, mean, variance, eps }: BatchNorm & { readonly conv: Node },
  states: ReadonlyMap<State, { readonly values: HostArray }>,
): { readonly weight: Float32Array; readonly bias: Float32Array } {
  const own = conv.inputs.bias;
  const [filter, w, b, m, v, before] = settled(
    [conv.inputs.weight!, weight, bias, mean, variance, ...(own ? [own] : [])],
    states,
  );
  const channels = w!.length;
  const scale = Float64Array.from(w!, (value, c) => value / Math.sqrt(v![c]! + eps));
  return {
    // The output channel is the last dimension of a filter here.
    weight: Float32Array.from(filter!, (value, i) => value * scale[i % channels]!),
    bias: Float32Array.from(b!, (value, c) => value + ((before?.[c] ?? 0) - m![c]!) * scale[c]!),
  };
}
