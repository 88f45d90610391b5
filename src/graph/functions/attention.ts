import { ShapeError } from '../../errors.ts';
import { expectDType, expectNumber, formatShape, isFloat } from '../../shape.ts';
import { optionsOf } from '../functionOptions.ts';
import { inF32 } from '../operations/broadcast.ts';
import { expectTensors, policy, type Tensor, tensor } from '../tensor.ts';
import { add, affine, where } from './elementwise.ts';
import { matmul, softmax } from './reduce.ts';
import { cast, transpose } from './shape.ts';

/** Options of `scaledDotProductAttention`. */
export interface AttentionOptions {
  /** i32: 0 where a query must not see a key; floats: added to the scores. Broadcasts to […,L,S]. */
  readonly mask?: Tensor;
  /** Query l sees keys 0..l only. Not together with a mask. */
  readonly isCausal?: boolean;
  /** What the scores are multiplied by. Default 1 / sqrt(E). */
  readonly scale?: number;
  /** Applied to the attention weights […,L,S] before the values are summed: `(weights) => dropout.forward(weights)`. */
  readonly dropout?: (weights: Tensor) => Tensor;
}

/** 1 on and below the diagonal. */
const causalMask = (L: number, S: number): Tensor =>
  tensor(
    Int32Array.from({ length: L * S }, (_, i) => Number(i % S <= Math.floor(i / S))),
    [L, S],
  );

/**
 * softmax(scale q kᵀ + mask) v (Vaswani et al. 2017, §3.2.1; PyTorch's scaled_dot_product_attention).
 * q: […,L,E]; k: […,S,E]; v: […,S,V]; y: […,L,V]; leading dimensions broadcast. A query that sees no key at all gives
 * NaN, as in PyTorch. Throws ShapeError where sizes do not fit, and for isCausal beside a mask.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  expectTensors('scaled_dot_product_attention', { q, k, v });
  const op = 'scaled_dot_product_attention';
  const { mask, isCausal, scale, dropout } = optionsOf(op, options, {
    mask: undefined,
    isCausal: false,
    scale: 1 / Math.sqrt(q.shape.at(-1) ?? 1),
    dropout: undefined,
  });
  const [L, S] = [q.shape.at(-2), k.shape.at(-2)];
  const matrices = [q, k, v].every(({ shape }) => shape.length >= 2);
  if (!matrices || q.shape.at(-1) !== k.shape.at(-1) || S !== v.shape.at(-2)) {
    throw new ShapeError(
      `${op}: q ${formatShape(q.shape)}, k ${formatShape(k.shape)} and v ${formatShape(v.shape)} must be […,L,E], […,S,E] and […,S,V]`,
    );
  }
  for (const [name, value] of Object.entries({ q, k, v })) expectDType(op, name, value, 'f32', 'f16');
  expectNumber(op, 'scale', scale);
  if (mask && isCausal) throw new ShapeError(`${op}: isCausal is a mask of its own; give it or mask`);
  const scores = affine(matmul(inF32(q), transpose(inF32(k))), scale);
  // Inside of `autocast` the products are f16, and so are the weights between them.
  const weights = policy.run(undefined, () => softmax(masked(scores, isCausal ? causalMask(L!, S!) : mask)));
  const y = matmul(dropout?.(weights) ?? weights, inF32(v));
  return y.dtype === 'f16' ? y : cast(y, v.dtype);
}

function masked(scores: Tensor, mask: Tensor | undefined): Tensor {
  if (!mask) return scores;
  if (isFloat(mask.dtype)) return add(scores, inF32(mask));
  return where(cast(mask, 'f32'), scores, Number.NEGATIVE_INFINITY);
}
