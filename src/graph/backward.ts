import { FoveaError, ShapeError, UsageError } from '../errors.ts';
import { expectList, formatShape, isFloat, sameShape } from '../shape.ts';
import { Recomputation } from './checkpoint.ts';
import { castTo, expand } from './operations/broadcast.ts';
import { add as addition } from './operations/elementwise.ts';
import { setGrad } from './recorder.ts';
import { apply, expectTensors, full, type Node, nodeOf, policy, Tensor } from './tensor.ts';
import { Scoped } from './tracking.ts';

/**
 * Told of the operation whose gradient is recorded next, and of none once all are: so that who watches knows what was recorded
 * for what.
 */
export const gradientsWatched = new Scoped<((node?: Node) => void) | undefined>(undefined);

const sum = (a: Tensor, b: Tensor): Tensor => apply(addition, { a, b }).y;

const zerosFor = ({ shape, dtype }: Tensor): Tensor => apply(expand, { x: full([], 0, dtype) }, { shape }).y;

/** Nodes and views that lie between the roots and anything that requires a gradient, newest first. */
function reachable(roots: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>();
  const stack = roots.filter((root) => root.requiresGrad);
  while (stack.length > 0) {
    const value = stack.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    const inputs =
      value.origin.kind === 'view'
        ? value.origin.cut
          ? []
          : [value.origin.base]
        : Object.values(nodeOf(value)?.inputs ?? {});
    for (const input of inputs) if (input.requiresGrad) stack.push(input);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/**
 * What arrives at each tensor between the roots and anything that requires a gradient; and those tensors, newest first. The
 * gradient of an operation has its dtypes, also inside of `autocast`.
 */
const propagate = (...given: Parameters<typeof propagated>): ReturnType<typeof propagated> =>
  policy.run(undefined, () => propagated(...given));

function propagated(
  roots: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[] = [],
): { arrived: ReadonlyMap<Tensor, Tensor>; between: readonly Tensor[] } {
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
  const between = reachable(roots);
  for (const value of between) {
    const { origin } = value;
    const node = nodeOf(value);
    if (origin.kind === 'view') {
      const g = arrived.get(value);
      if (g && !origin.cut) add(origin.base, g.reshape(origin.base.shape));
    } else if (node && !done.has(node)) {
      done.add(node);
      gradientsWatched.value?.(node);
      differentiate(node, arrived, add, recomputation);
    }
  }
  gradientsWatched.value?.();
  return { arrived, between };
}

/**
 * d (sum of roots · cotangents) / d target, for every target, as new graph (PyTorch's autograd.grad). `const [dx] =
 * grad(loss, x)` is the gradient of a loss by an image. Targets are tensors made with `requiresGrad: true`, inputs of a
 * captured function that were, parameters (`parameter.tensor`), and anything computed from those. The gradients can be
 * differentiated again. `.grad` is left as it is. Contributions are added in the order in which the operations were recorded,
 * newest first, so the result is the same every time.
 *
 * @param roots What is differentiated: a tensor, or several in a list, whose gradients add up.
 * @param targets By what it is differentiated: a tensor, or several in a list.
 * @param cotangents d result / d root, of the shape of each root. Default 1, for which a root must be a scalar.
 * @returns A list with one gradient per target, of its shape and dtype, also for a target without brackets. Zeros for a
 * target that the roots depend on by steps alone, such as the positions at which `gridSample` reads the nearest pixel.
 * @throws UsageError for a target that requires no gradient (integers never do), or that the roots are not computed from;
 * ShapeError for a root that is no scalar and has no cotangent, or one of another shape; FoveaError where an operation on the
 * way is not differentiable.
 */
export function grad(
  roots: Tensor | readonly Tensor[],
  targets: Tensor,
  cotangents?: Tensor | readonly (Tensor | undefined)[],
): [Tensor];
export function grad<const T extends readonly Tensor[]>(
  roots: Tensor | readonly Tensor[],
  targets: T,
  cotangents?: Tensor | readonly (Tensor | undefined)[],
): { -readonly [K in keyof T]: Tensor };
export function grad(
  roots: Tensor | readonly Tensor[],
  targets: Tensor | readonly Tensor[],
  cotangents?: Tensor | readonly (Tensor | undefined)[],
): Tensor[] {
  const list = <X>(given: Tensor | readonly X[]) => (given instanceof Tensor ? [given] : given);
  const [from, wanted] = [list(roots), list(targets)];
  expectList('grad', 'roots', from);
  expectList('grad', 'targets', wanted);
  expectTensors('grad', Object.fromEntries(from.map((root, i) => [`root ${i}`, root])));
  wanted.forEach((target, i) => {
    if (target instanceof Tensor && target.requiresGrad) return;
    if (!(target instanceof Tensor)) {
      throw new UsageError(
        `grad: target ${i} is no tensor; of a parameter give its tensor (parameter.tensor)`,
      );
    }
    const fix = isFloat(target.dtype)
      ? 'make it, or what it is computed from, with tensor(values, shape, { requiresGrad: true }), or by detach({ requiresGrad: true })'
      : 'only f32 and f16 have gradients: cast it before';
    throw new UsageError(`grad: target ${i}, ${target}, requires no gradient; ${fix}`);
  });
  const { arrived, between } = propagate(from, cotangents && list(cotangents));
  const reached = new Set(between);
  return wanted.map((target, i) => {
    if (reached.has(target)) return arrived.get(target) ?? zerosFor(target);
    throw new UsageError(
      `grad: target ${i}, ${target}, takes no part in what is differentiated; compute the roots from it, or leave it out`,
    );
  });
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
    Object.defineProperty(grads, name, {
      get: () => arrived.get(output) ?? zerosFor(output),
      enumerable: true,
    });
  }
  return grads;
}

/**
 * d loss / d tensor for everything that the loss is computed from and that requires a gradient (parameters, and tensors made
 * with `requiresGrad: true`), added to its `.grad` (PyTorch's Tensor.backward). Optimizers take the gradients from there, and
 * clear them; when a capture ends, `.grad` is as it was before.
 *
 * @param loss A scalar.
 * @throws ShapeError where the loss is no scalar, UsageError where nothing that it is computed from requires a gradient, and
 * FoveaError where an operation on the way is not differentiable.
 */
export function backward(loss: Tensor): void {
  expectTensors('backward', { loss });
  const { arrived, between } = propagate([loss]);
  if (between.length === 0) {
    throw new UsageError(
      `backward: nothing that ${loss} is computed from requires a gradient; use parameters or tensors with requiresGrad: true, outside of noGrad and detach`,
    );
  }
  for (const value of between) {
    const g = isLeaf(value) && arrived.get(value);
    if (g) setGrad(value, value.grad ? sum(value.grad, g) : g);
  }
}

const isLeaf = ({ origin }: Tensor): boolean =>
  origin.kind === 'view' ? origin.cut === true : origin.kind !== 'op' && !('node' in origin && origin.node);
