import { FoveaError, ShapeError } from '../errors.ts';
import { formatShape, sameShape } from '../shape.ts';
import { Recomputation } from './checkpoint.ts';
import { castTo, expand } from './operations/broadcast.ts';
import { add as addition } from './operations/elementwise.ts';
import { setGrad } from './recorder.ts';
import { apply, full, type Node, recordOperation, type Tensor } from './tensor.ts';

// Not differentiable: a gradient is differentiated through what it was computed from, not through how parts of it met.
const sum = (a: Tensor, b: Tensor): Tensor => recordOperation(addition, { a, b }, {}, false).y!;

/** Nodes and views that lie between the roots and anything that requires a gradient, newest first. */
function reachable(roots: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>();
  const stack = roots.filter((root) => root.requiresGrad);
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    const inputs =
      value.origin.kind === 'op'
        ? Object.values(value.origin.node.inputs)
        : value.origin.kind === 'view'
          ? [value.origin.base]
          : [];
    for (const input of inputs) if (input.requiresGrad) stack.push(input);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/**
 * d (sum of roots · cotangents) / d tensor, for every tensor of `targets`, as new graph. Contributions are added
 * in the order in which the operations were recorded, newest first, so the result is the same every time.
 * A target that the roots do not depend on gets undefined.
 */
export function grad(
  roots: readonly Tensor[],
  targets: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[] = [],
): (Tensor | undefined)[] {
  const arrived = new Map<Tensor, Tensor>();
  const add = (value: Tensor, g: Tensor) => {
    const before = arrived.get(value);
    arrived.set(value, before ? sum(before, g) : g);
  };
  roots.forEach((root, i) => {
    const cotangent = cotangents[i];
    if (!cotangent && root.size !== 1) {
      throw new ShapeError(
        `backward: ${formatShape(root.shape)} is no scalar; reduce it by sum or mean, or give its cotangent`,
      );
    }
    if (cotangent && !sameShape(cotangent.shape, root.shape)) {
      throw new ShapeError(
        `backward: cotangent ${formatShape(cotangent.shape)} for ${formatShape(root.shape)}; give it the same shape`,
      );
    }
    add(root, cotangent ?? full(root.shape, 1, root.dtype));
  });
  const done = new Set<Node>();
  const recomputation = new Recomputation();
  for (const value of reachable(roots)) {
    const { origin } = value;
    if (origin.kind === 'view') {
      const g = arrived.get(value);
      if (g) add(origin.base, g.reshape(origin.base.shape));
    } else if (origin.kind === 'op' && !done.has(origin.node)) {
      done.add(origin.node);
      differentiate(origin.node, arrived, add, recomputation);
    }
  }
  return targets.map((target) => arrived.get(target));
}

function differentiate(
  node: Node,
  arrived: Map<Tensor, Tensor>,
  add: (value: Tensor, g: Tensor) => void,
  recomputation: Recomputation,
): void {
  if (Object.values(node.outputs).every((output) => !arrived.has(output))) return;
  const { gradient } = node.operation;
  if (!gradient) {
    throw new FoveaError(`${node.op} is not differentiable; detach() its inputs`);
  }
  const wants = (name: string) => node.inputs[name]?.requiresGrad === true;
  const { inputs, outputs } = recomputation.seenBy(node);
  const grads = gradientsOf(node, arrived);
  const result = gradient({ inputs, outputs, attrs: node.attrs as never, grads, wants });
  for (const [name, input] of Object.entries(node.inputs)) {
    const g = result[name];
    if (g && input.requiresGrad) add(input, castTo(g, input.dtype));
  }
}

/** The gradient of each output; of one that nothing depends on, zeros, recorded only where a rule asks for them. */
function gradientsOf(node: Node, arrived: ReadonlyMap<Tensor, Tensor>): Record<string, Tensor> {
  const grads: Record<string, Tensor> = {};
  for (const [name, output] of Object.entries(node.outputs)) {
    const zeros = () => apply(expand, { x: full([], 0, output.dtype) }, { shape: output.shape }).y;
    Object.defineProperty(grads, name, { get: () => arrived.get(output) ?? zeros(), enumerable: true });
  }
  return grads;
}

/**
 * d loss / d parameter for everything that the loss depends on and that requires a gradient, added to `.grad`.
 * The loss must be a scalar. Optimizers take the gradients from there, and clear them; when a capture ends, `.grad` is
 * as it was before.
 */
export function backward(loss: Tensor): void {
  const leaves = reachable([loss]).filter(({ origin }) => origin.kind !== 'op' && origin.kind !== 'view');
  const grads = grad([loss], leaves);
  leaves.forEach((leaf, i) => {
    const g = grads[i];
    if (g) setGrad(leaf, leaf.grad ? sum(leaf.grad, g) : g);
  });
}
