import { ShapeError, UsageError } from '../../errors.ts';
import { div, maximum } from '../../graph/functions/elementwise.ts';
import { amax, mean, norm } from '../../graph/functions/reduce.ts';
import { cast, slice } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { formatShape } from '../../shape.ts';
import type { ChannelAxis, FeatureSource } from './source.ts';

/** How the places of a map, or the tokens of a transformer, become one vector. */
export type Pooling = 'mean' | 'max' | 'cls' | 'none';

/** All of them. */
export const POOLINGS: readonly Pooling[] = ['mean', 'max', 'cls', 'none'];

/** The least length that vectors are divided by, as in PyTorch's `normalize`. */
const LEAST = 1e-12;

/**
 * Makes embeddings of features: vectors [N,C] stay as they are; of tokens [N,T,C], and of maps [N,H,W,C] ([N,C,H,W] where the channels
 * come first), the places are pooled.
 */
export function pooled(
  features: Tensor,
  count: number,
  pooling: Pooling,
  { layer, channels, tiled = false }: Pick<FeatureSource, 'layer' | 'channels' | 'tiled'>,
): Tensor {
  const { shape, dtype } = features;
  const rank = shape.length;
  const said = `Embedder: layer ${JSON.stringify(layer)} gives ${formatShape(shape)} ${dtype} for ${count} image${count === 1 ? '' : 's'}`;
  const perImage = shape[0]! / count;
  const fits = perImage === 1 || (tiled && rank === 3 && Number.isInteger(perImage));
  if ((dtype !== 'f32' && dtype !== 'f16') || !fits || rank < 2 || rank > 4) {
    throw new ShapeError(`${said}; choose one that gives a vector, tokens or a map of floats for each`);
  }
  const x = cast(perImage === 1 ? features : features.reshape([count, -1, shape[2]!]), 'f32');
  if (rank === 2 || pooling === 'none') return x;
  const places = rank === 3 ? [1] : channels === 'last' ? [1, 2] : [2, 3];
  if (pooling === 'mean') return mean(x, { dim: places });
  if (pooling === 'max') return amax(x, { dim: places });
  if (rank === 4) {
    throw new UsageError(`${said}: maps have no class token, which pooling cls takes; choose mean or max`);
  }
  if (perImage > 1) {
    throw new UsageError(
      `${said}: the image is cut into ${perImage} tiles with a class token each; choose mean or max`,
    );
  }
  return slice(x, [[], [0, 1], []]).reshape([count, shape[2]!]);
}

/** x / max(||x||, 1e-12) of every vector, which lie along the channels. */
export function unitLength(x: Tensor, channels: ChannelAxis): Tensor {
  const dim = x.shape.length === 4 && channels === 'first' ? 1 : -1;
  return div(x, maximum(norm(x, { dim, keepdim: true }), LEAST));
}
