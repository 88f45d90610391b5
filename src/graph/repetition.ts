import { type Node, recordNode, Tensor } from './tensor.ts';

// A checkpoint records nodes once more for the backward pass.

/** The node that this one repeats, or itself. */
export const firstOf = (node: Node): Node => node.first ?? node;

/** The tensor that this one repeats, or itself. */
export function firstValueOf(value: Tensor): Tensor {
  const { origin } = value;
  return origin.kind === 'op' && origin.node.first ? origin.node.first.outputs[origin.output]! : value;
}

/** Records a node once more, on other inputs of the same shapes. */
export function repeat(node: Node, inputs: Readonly<Record<string, Tensor>>): Node {
  const again = recordNode({
    operation: node.operation,
    attrs: node.attrs,
    inputs,
    first: firstOf(node),
  });
  for (const [output, value] of Object.entries(node.outputs)) {
    again.outputs[output] = new Tensor(value, { kind: 'op', node: again, output }, value.requiresGrad);
  }
  return again;
}
