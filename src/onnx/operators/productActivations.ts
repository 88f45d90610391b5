import { gelu, hardswish, silu } from '../../graph/functions/elementwise.ts';
import { nodeOf, type Tensor } from '../../graph/tensor.ts';

/** The number that a tensor without dimensions holds. */
const numberIn = ({ origin, shape }: Tensor): number | undefined =>
  origin.kind === 'constant' && shape.length === 0 ? origin.data[0] : undefined;

/** What a tensor is a multiple of, by a number. */
function multipleOf(y: Tensor, factor: number): Tensor | undefined {
  const node = nodeOf(y);
  if (node?.op !== 'mul' || numberIn(node.inputs.b!) !== Math.fround(factor)) return undefined;
  return node.inputs.a;
}

/** x, if y is 1 + erf(x / √2). */
function ofErf(y: Tensor): Tensor | undefined {
  const sum = nodeOf(y);
  if (sum?.op !== 'add' || numberIn(sum.inputs.b!) !== 1) return undefined;
  const erf = nodeOf(sum.inputs.a!);
  return erf?.op === 'erf' ? multipleOf(erf.inputs.x!, Math.SQRT1_2) : undefined;
}

/**
 * The activation that a product is, where exporters write several nodes for what is one operation here: `x * sigmoid(x)`,
 * `x * hardsigmoid(x)` and `(x / 2) * (1 + erf(x / √2))`. So a model that Fovea exported gives its own bits again. Undefined for
 * other products.
 */
export function activationOf(a: Tensor, b: Tensor): Tensor | undefined {
  const node = nodeOf(b);
  if (node?.inputs.x === a) {
    if (node.op === 'sigmoid') return silu(a);
    if (node.op === 'hardsigmoid') return hardswish(a);
  }
  const x = multipleOf(a, 0.5);
  return x !== undefined && ofErf(b) === x ? gelu(x) : undefined;
}
