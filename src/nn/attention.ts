import { ShapeError } from '../errors.ts';
import { type AttentionOptions, scaledDotProductAttention } from '../graph/functions/attention.ts';
import { linear } from '../graph/functions/reduce.ts';
import { chunk, permute } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { withDefaults } from '../options.ts';
import { formatShape } from '../shape.ts';
import { Dropout } from './dropout.ts';
import { expectCounts } from './heeded.ts';
import { constant, normalLater } from './init.ts';
import { Linear } from './layers.ts';
import { linearLayout } from './layout.ts';
import { Module, Parameter } from './module.ts';
import type { GeneratorOption } from './random.ts';

/** Options of `MultiheadAttention`. */
export interface MultiheadAttentionOptions extends GeneratorOption {
  /** The probability that an attention weight is left out in training. Default 0. */
  readonly dropout?: number;
  /** Whether the projections have biases. Default true. */
  readonly bias?: boolean;
}

/** Which keys a query attends to. */
export type AttendOptions = Pick<AttentionOptions, 'mask' | 'isCausal'>;

/**
 * Attention of several heads (Vaswani et al. 2017, §3.2.2; PyTorch's MultiheadAttention with batch_first, keys and values being
 * as wide as queries). Parameters have PyTorch's names: `in_proj_weight` [E,3 E] (queries, keys, values), `in_proj_bias` [3 E],
 * `out_proj.weight` [E,E], `out_proj.bias` [E]; state dicts in PyTorch's layout load with layout `pytorch`. Gives the attended
 * values alone, not the attention weights.
 */
export class MultiheadAttention extends Module {
  in_proj_weight: Parameter;
  in_proj_bias: Parameter | undefined;
  out_proj: Linear;
  dropout: Dropout;
  readonly #heads: number;

  /**
   * @param embedDim The width E of queries, keys and values, a multiple of numHeads. Throws ShapeError for another one.
   * @param numHeads The number of heads, each E / numHeads wide.
   */
  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { dropout, bias, generator } = withDefaults('MultiheadAttention', options, {
      dropout: 0,
      bias: true,
      generator: undefined,
    });
    expectCounts('MultiheadAttention', { embedDim, numHeads });
    if (embedDim % numHeads !== 0) {
      throw new ShapeError(`MultiheadAttention: numHeads ${numHeads} must divide embedDim ${embedDim}`);
    }
    const shape = [embedDim, 3 * embedDim];
    // The variances that PyTorch's initial weights have: Xavier's over all three, Kaiming's of slope sqrt(5).
    const draw = normalLater('MultiheadAttention', generator, shape, Math.sqrt(1 / (2 * embedDim)));
    this.in_proj_weight = new Parameter(shape, draw, linearLayout(embedDim, 3 * embedDim));
    this.in_proj_bias = bias ? new Parameter([3 * embedDim], constant([3 * embedDim], 0)) : undefined;
    const std = Math.sqrt(1 / (3 * embedDim));
    this.out_proj = new Linear(embedDim, embedDim, { std, bias, generator });
    this.dropout = new Dropout(dropout, { generator });
    this.#heads = numHeads;
  }

  /**
   * Computes the mean of the values, weighted by how well their keys match each query: [N,L,E].
   * @param query f32 or f16 [N,L,E].
   * @param key [N,S,E]. Default: query, which is self-attention.
   * @param value [N,S,E]. Default: key.
   * @param options `mask`: i32, 0 where a query must not see a key (the opposite of PyTorch's boolean attn_mask), or floats
   * that are added to the scores; broadcasts to [N,numHeads,L,S]. `isCausal`: query l sees keys 0 to l only.
   */
  forward(query: Tensor, key = query, value = key, options: AttendOptions = {}): Tensor {
    const E = this.in_proj_weight.state.spec.shape[0]!;
    for (const [name, { shape }] of Object.entries({ query, key, value })) {
      if (shape.length === 3 && shape[2] === E && shape[0] === query.shape[0]) continue;
      throw new ShapeError(
        `MultiheadAttention: ${name} ${formatShape(shape)} must be [N,length,${E}] with the N of query ${formatShape(query.shape)}`,
      );
    }
    const [q, k, v] = this.#projected(query, key, value).map((part) => this.#heading(part));
    const dropout = (weights: Tensor) => this.dropout.forward(weights);
    const seen = scaledDotProductAttention(q!, k!, v!, { ...options, dropout });
    return this.out_proj.forward(permute(seen, [0, 2, 1, 3]).reshape(query.shape));
  }

  /** Queries, keys and values, [N,L,E] each; of self-attention by one product. */
  #projected(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const [weight, bias] = [this.in_proj_weight.tensor, this.in_proj_bias?.tensor];
    if (query === key && key === value) return chunk(linear(query, weight, bias), 3, 2);
    const weights = chunk(weight, 3, 1);
    const biases = bias ? chunk(bias, 3, 0) : [];
    return [query, key, value].map((x, i) => linear(x, weights[i]!, biases[i]));
  }

  /** [N,L,E] to [N,heads,L,E / heads]. */
  #heading(x: Tensor): Tensor {
    const [N, L, E] = x.shape as [number, number, number];
    return permute(x.reshape([N, L, this.#heads, E / this.#heads]), [0, 2, 1, 3]);
  }
}
