import type { Node, Tensor } from './tensor.ts';

// A checkpoint records nodes once more for the backward pass.

/** The node that this one repeats, or itself. */
export const firstOf = (node: Node): Node => node.first ?? node;

/** The tensor that this one repeats, or itself. */
export function firstValueOf(value: Tensor): Tensor {
  const { origin } = value;
  return origin.kind === 'op' && origin.node.first ? origin.node.first.outputs[origin.output]! : value;
}
