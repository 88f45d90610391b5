import { expectArguments, GPU } from '../../arguments.ts';
import { expectFloatImage } from '../../data/floatImage.ts';
import { type FloatImage, resizeImage } from '../../data/image.ts';
import { UsageError } from '../../errors.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { VisionTransformer } from '../../models/vit.ts';
import { aroundForwards } from '../../nn/aroundForwards.ts';
import { MultiheadAttention } from '../../nn/attention.ts';
import { evaluated } from '../../nn/evaluated.ts';
import type { Gpu } from '../../plan/gpu.ts';

/** How much each token attends to each other one, in one layer of a transformer. */
export interface AttentionLayer {
  /** The name of the layer in the model. */
  readonly name: string;
  /** The number of heads. */
  readonly heads: number;
  /** The number of tokens. */
  readonly tokens: number;
  /** Of each head and token (query) the weights of all tokens (keys), which add up to 1: [heads, tokens, tokens]. */
  readonly weights: Float32Array;
}

/** The attention of a vision transformer to one image. Token 0 is the class token; those of the patches follow, row by row. */
export interface AttentionWeights {
  /** From the input to the output. */
  readonly layers: readonly AttentionLayer[];
  /** Rows of patches. */
  readonly rows: number;
  /** Patches in a row. */
  readonly columns: number;
}

/**
 * Computes the attention weights of all layers of a vision transformer for an image, softmax(q kᵀ / sqrt(d)), which its `forward`
 * keeps for itself. The image is stretched to the size of the model, which runs in evaluation.
 *
 * @param gpu Where the model runs.
 * @param model A `VisionTransformer`, or a `ViTSegmenter`.
 * @param image The image.
 * @throws UsageError for another model; ShapeError for what is no image.
 */
export async function attentionWeights(
  gpu: Gpu,
  model: VisionTransformer,
  image: FloatImage,
): Promise<AttentionWeights> {
  const call = 'attentionWeights';
  expectArguments(call, { gpu }, { gpu: GPU });
  expectFloatImage(call, 'image', image);
  if (!(model instanceof VisionTransformer)) {
    throw new UsageError(
      `${call}: the model is ${Object(model).constructor?.name ?? model}; give a VisionTransformer`,
    );
  }
  const { imageSize: S, patchSize } = model.config;
  const { data } = image.width === S && image.height === S ? image : resizeImage(image, [S, S]);
  const found = evaluated(model, () => weightsIn(model, tensor(data, [1, S, S, 3])));
  const values = await gpu.read(...found.map(([, weights]) => weights));
  const side = S / patchSize;
  return {
    layers: found.map(([name, { shape }], i) => ({
      name,
      heads: shape[1]!,
      tokens: shape[2]!,
      weights: values[i] as Float32Array,
    })),
    rows: side,
    columns: side,
  };
}

/** The attention weights [1,heads,L,L] of all layers of attention, by the names of the layers. */
function weightsIn(model: VisionTransformer, images: Tensor): [string, Tensor][] {
  // Weights go through the dropout of their layer, which is there also where it drops nothing.
  const places = new Map(
    [...model.namedModules()].flatMap(([name, part]) =>
      part instanceof MultiheadAttention ? [[part.dropout as object, name] as const] : [],
    ),
  );
  const found: [string, Tensor][] = [];
  const keep = (part: object, [weights]: readonly unknown[], run: () => unknown) => {
    found.push([places.get(part)!, weights as Tensor]);
    return run();
  };
  aroundForwards(places.keys(), keep, () => model.forward(images));
  return found;
}
