import { expectArguments } from '../../arguments.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { AttentionLayer, AttentionWeights } from './weights.ts';

/** A value for each patch of an image. */
export interface AttentionMap {
  /** Patches in a row. */
  readonly width: number;
  /** Rows of patches. */
  readonly height: number;
  /** Values [height, width]. */
  readonly data: Float32Array;
}

/** Options of `attentionMaps`. */
export interface AttentionMapsOptions {
  /** The number of the layer; negative ones count from the last. Default -1, the last. */
  readonly layer?: number;
  /** The token that attends: 0 is the class token, 1 + row * columns + column that of a patch. Default 0. */
  readonly token?: number;
}

/** How the heads of a layer become one. */
export type HeadFusion = 'mean' | 'max' | 'min';

/** Options of `attentionRollout`. */
export interface AttentionRolloutOptions {
  /** How the heads of a layer become one. Default `mean`. */
  readonly headFusion?: HeadFusion;
  /** The share of the weights of each layer that is set to 0, the least first, after fusion. Default 0. */
  readonly discardRatio?: number;
  /** The share of what a token keeps of itself around the attention. Default 0.5. */
  readonly residual?: number;
  /** The token that is explained: 0 is the class token, 1 + row * columns + column that of a patch. Default 0. */
  readonly token?: number;
}

/**
 * What a token attends to in one layer, by head: the weights of the patches (Caron et al. 2021, Emerging properties in
 * self-supervised vision transformers, figure 1).
 *
 * @param attention What `attentionWeights` returned.
 * @param options The layer, and the token.
 * @returns A map for each head. With the weight of the class token, each adds up to 1.
 * @throws UsageError for a layer or token that does not exist.
 */
export function attentionMaps(
  attention: AttentionWeights,
  options: AttentionMapsOptions = {},
): AttentionMap[] {
  const call = 'attentionMaps';
  expectAttention(call, attention);
  const { layer, token } = withDefaults(call, options, { layer: -1, token: 0 });
  const { layers } = attention;
  const chosen = Number.isInteger(layer) ? layers.at(layer) : undefined;
  if (!chosen) {
    throw new UsageError(`${call}: layer is ${layer}; give 0 to ${layers.length - 1}, or -1 for the last`);
  }
  expectToken(call, token, chosen.tokens);
  return Array.from({ length: chosen.heads }, (_, head) => {
    const start = (head * chosen.tokens + token) * chosen.tokens;
    return patchesOf(attention, chosen.weights.subarray(start, start + chosen.tokens));
  });
}

/**
 * What of the image a token is made of after all layers (Abnar and Zuidema 2020, Quantifying attention flow in transformers, §3.1):
 * its row of the product A_n … A_2 A_1, where A_i is residual I + (1 - residual) W_i with rows that are divided by their sums, and W_i
 * the attention of layer i, of all heads together.
 *
 * `max` and `discardRatio` make sharper maps: with 0.9, of each W_i the tenth with the largest values stays, and of equal ones those
 * that come later; the weight of the class token for itself stays in any case, as in the widely used implementation
 * (jacobgil/vit-explain). That divides columns, not rows, by the sums of rows, which is the same for `mean` without discarding.
 *
 * @param attention What `attentionWeights` returned.
 * @param options Fusion and discarding.
 * @returns A map of the patches. With the share of the class token, it adds up to 1.
 * @throws UsageError for options that cannot be, and a token that does not exist.
 */
export function attentionRollout(
  attention: AttentionWeights,
  options: AttentionRolloutOptions = {},
): AttentionMap {
  const call = 'attentionRollout';
  expectAttention(call, attention);
  const { headFusion, discardRatio, residual, token } = withDefaults(call, options, {
    headFusion: 'mean',
    discardRatio: 0,
    residual: 0.5,
    token: 0,
  });
  expectOneOf(call, 'headFusion', headFusion, ['mean', 'max', 'min']);
  for (const [name, share] of Object.entries({ discardRatio, residual })) {
    if (share >= 0 && share < 1) continue;
    throw new UsageError(`${call}: ${name} is ${share}; give a share of at least 0, below 1`);
  }
  const tokens = attention.rows * attention.columns + 1;
  expectToken(call, token, tokens);
  // One row of the product is enough: from the last layer back to the first.
  let row = new Float64Array(tokens);
  row[token] = 1;
  for (const layer of attention.layers.toReversed()) {
    const fused = fuse(layer, headFusion);
    discard(fused, discardRatio);
    const before = new Float64Array(tokens);
    for (let i = 0; i < tokens; i++) {
      if (row[i] === 0) continue;
      const own = fused.subarray(i * tokens, (i + 1) * tokens);
      const sum = residual + (1 - residual) * own.reduce((total, weight) => total + weight, 0);
      // Without a residual, a token of which all was discarded has nothing to hand on.
      const share = sum > 0 ? row[i]! / sum : 0;
      for (let j = 0; j < tokens; j++) before[j]! += share * (1 - residual) * own[j]!;
      before[i]! += share * residual;
    }
    row = before;
  }
  return patchesOf(attention, row);
}

/** The attention of a layer with all heads together, [tokens, tokens]. */
function fuse({ heads, tokens, weights }: AttentionLayer, how: HeadFusion): Float64Array {
  const size = tokens * tokens;
  const fused = Float64Array.from(weights.subarray(0, size));
  for (let head = 1; head < heads; head++) {
    const start = head * size;
    for (let i = 0; i < size; i++) {
      const weight = weights[start + i]!;
      fused[i] = how === 'mean' ? fused[i]! + weight : Math[how](fused[i]!, weight);
    }
  }
  return how === 'mean' ? fused.map((sum) => sum / heads) : fused;
}

/** Sets a share of the weights to 0, the least first, and of equal ones the first; but never the very first, the class token's own. */
function discard(weights: Float64Array, ratio: number): void {
  const count = Math.floor(weights.length * ratio);
  if (count === 0) return;
  const order = Uint32Array.from(weights.keys()).sort((a, b) => weights[a]! - weights[b]! || a - b);
  for (const place of order.subarray(0, count)) if (place > 0) weights[place] = 0;
}

const patchesOf = ({ columns, rows }: AttentionWeights, row: ArrayLike<number>): AttentionMap => ({
  width: columns,
  height: rows,
  data: Float32Array.from({ length: rows * columns }, (_, patch) => row[1 + patch]!),
});

function expectAttention(call: string, attention: AttentionWeights): void {
  expectArguments(
    call,
    { attention },
    {
      attention: {
        layers: [{ heads: 'number', tokens: 'number', weights: 'values' }],
        rows: 'number',
        columns: 'number',
      },
    },
  );
  const { layers, rows, columns } = attention;
  if (layers.length === 0) throw new UsageError(`${call}: attention has no layers`);
  for (const [i, { heads, tokens, weights }] of layers.entries()) {
    if (tokens === rows * columns + 1 && weights.length === heads * tokens * tokens) continue;
    throw new ShapeError(
      `${call}: layer ${i} has ${weights.length} weights for ${heads} heads and ${tokens} tokens; with a class token and ${rows}x${columns} patches it needs ${heads}x${rows * columns + 1}x${rows * columns + 1}`,
    );
  }
}

function expectToken(call: string, token: number, tokens: number): void {
  if (Number.isInteger(token) && token >= 0 && token < tokens) return;
  throw new UsageError(`${call}: token is ${token}; give 0, the class token, to ${tokens - 1}`);
}
