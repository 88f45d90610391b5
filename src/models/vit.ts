import { ShapeError } from '../errors.ts';
import { interpolate } from '../graph/functions/conv.ts';
import { add } from '../graph/functions/elementwise.ts';
import { cast, concat, expand, permute, slice } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { GELU } from '../nn/activations.ts';
import { MultiheadAttention } from '../nn/attention.ts';
import { Sequential } from '../nn/containers.ts';
import { Dropout } from '../nn/dropout.ts';
import { constant, normalLater } from '../nn/init.ts';
import { Conv2d, Linear } from '../nn/layers.ts';
import { Module, Parameter } from '../nn/module.ts';
import { LayerNorm } from '../nn/norms.ts';
import { type Generator, generatorOf, type SeedOptions } from '../nn/random.ts';
import { withDefaults } from '../options.ts';
import { expectCount, fixed } from './options.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import {
  checkImages,
  type SegmentationLossConfig,
  type SegmentationLossOptions,
  segmentationLoss,
} from './segmentation.ts';

/** Everything that shapes a vision transformer; saved with its weights. Defaults are those of VIT_TINY. */
export interface ViTConfig extends SegmentationLossConfig {
  /** The side of the images in pixels. Default 64. */
  readonly imageSize: number;
  /** The side of a patch in pixels, which divides imageSize. Default 8. */
  readonly patchSize: number;
  /** The number of transformer layers. Default 4. */
  readonly numLayers: number;
  /** Heads of each attention, which divide hiddenDim. Default 4. */
  readonly numHeads: number;
  /** The width of the tokens. Default 64. */
  readonly hiddenDim: number;
  /** The width between the two linear layers of each transformer layer. Default 128. */
  readonly mlpDim: number;
  /** The probability that a value of the tokens is left out in training, after each layer. Default 0, as torchvision's. */
  readonly dropout?: number;
  /** The probability that an attention weight is left out in training. Default 0, as torchvision's. */
  readonly attentionDropout?: number;
  /** The number of classes, labels 0 to numClasses - 1. Of a segmenter, the background, if there is one, is label 0. */
  readonly numClasses: number;
  /** Mean and standard deviation that images are normalised by. Default ImageNet's. */
  readonly normalization: Normalization;
}

/** The configuration of ViT-B/16 (Dosovitskiy et al. 2021, table 1), as torchvision's vit_b_16. */
export const VIT_B_16: Omit<ViTConfig, 'numClasses'> = {
  imageSize: 224,
  patchSize: 16,
  numLayers: 12,
  numHeads: 12,
  hiddenDim: 768,
  mlpDim: 3072,
  normalization: IMAGENET,
};

/** A small configuration for training from scratch on few images, on any adapter: the default of `new ViTSegmenter`. */
export const VIT_TINY: Omit<ViTConfig, 'numClasses'> = {
  imageSize: 64,
  patchSize: 8,
  numLayers: 4,
  numHeads: 4,
  hiddenDim: 64,
  mlpDim: 128,
  normalization: IMAGENET,
};

/** Options of `VisionTransformer` and `ViTSegmenter`: numClasses must be given. */
export interface ViTOptions extends Partial<Omit<ViTConfig, 'numClasses'>>, SeedOptions {
  readonly numClasses: number;
}

/** The configuration that options describe. */
export function vitConfig({ seed: _seed, generator: _generator, ...options }: ViTOptions): ViTConfig {
  const config = withDefaults('ViT', options, {
    ...VIT_TINY,
    numClasses: options.numClasses,
    dropout: undefined,
    attentionDropout: undefined,
    dice: undefined,
  });
  for (const name of ['numClasses', 'imageSize', 'patchSize', 'numLayers', 'numHeads'] as const) {
    expectCount('ViT', name, config[name]);
  }
  return config;
}

/** Attention and two linear layers, each normalised before and added to what came in. */
class EncoderBlock extends Module {
  ln_1: LayerNorm;
  self_attention: MultiheadAttention;
  dropout: Dropout;
  ln_2: LayerNorm;
  mlp: Sequential;

  constructor(config: ViTConfig, generator: Generator) {
    super();
    const { hiddenDim, numHeads, mlpDim, dropout = 0, attentionDropout = 0 } = config;
    this.ln_1 = new LayerNorm(hiddenDim, { eps: 1e-6 });
    this.self_attention = new MultiheadAttention(hiddenDim, numHeads, {
      dropout: attentionDropout,
      generator,
    });
    this.dropout = new Dropout(dropout, { generator });
    this.ln_2 = new LayerNorm(hiddenDim, { eps: 1e-6 });
    const from = (fan: number) => ({ std: Math.sqrt(1 / fan), generator });
    this.mlp = new Sequential(
      new Linear(hiddenDim, mlpDim, from(hiddenDim)),
      new GELU(),
      new Dropout(dropout, { generator }),
      new Linear(mlpDim, hiddenDim, from(mlpDim)),
      new Dropout(dropout, { generator }),
    );
  }

  forward(x: Tensor): Tensor {
    const attended = this.self_attention.forward(this.ln_1.forward(x));
    const seen = add(x, this.dropout.forward(attended));
    return add(seen, this.mlp.forward(this.ln_2.forward(seen)));
  }
}

/** The blocks, under the names that torchvision gives them. */
class Layers extends Module {
  [name: `encoder_layer_${number}`]: EncoderBlock;
  readonly #blocks: readonly EncoderBlock[];

  constructor(config: ViTConfig, generator: Generator) {
    super();
    this.#blocks = Array.from({ length: config.numLayers }, () => new EncoderBlock(config, generator));
    for (const [i, block] of this.#blocks.entries()) this[`encoder_layer_${i}`] = block;
  }

  forward(x: Tensor): Tensor {
    return this.#blocks.reduce((y, block) => block.forward(y), x);
  }
}

class Encoder extends Module {
  pos_embedding: Parameter;
  dropout: Dropout;
  layers: Layers;
  ln: LayerNorm;

  constructor(config: ViTConfig, generator: Generator) {
    super();
    const { imageSize, patchSize, hiddenDim } = config;
    const shape = [1, (imageSize / patchSize) ** 2 + 1, hiddenDim];
    this.pos_embedding = new Parameter(shape, normalLater('ViT', generator, shape, 0.02));
    this.dropout = new Dropout(config.dropout ?? 0, { generator });
    this.layers = new Layers(config, generator);
    this.ln = new LayerNorm(config.hiddenDim, { eps: 1e-6 });
  }

  forward(x: Tensor): Tensor {
    return this.ln.forward(
      this.layers.forward(this.dropout.forward(add(x, cast(this.pos_embedding.tensor, x.dtype)))),
    );
  }
}

class Heads extends Module {
  head: Linear;

  constructor(hiddenDim: number, outputs: number, generator: Generator) {
    super();
    this.head = new Linear(hiddenDim, outputs, { std: 0.01, generator });
  }
}

/**
 * Vision transformer (Dosovitskiy et al. 2021): patches of the image and a class token become tokens, which attend to each
 * other; the class token is classified. `vitB16()` is torchvision's vit_b_16. Weights have torchvision's names.
 * `forward` takes images in 0..1 and normalises them by `normalization`, where torchvision's transforms do that before the model.
 */
export class VisionTransformer extends Module {
  class_token: Parameter;
  conv_proj: Conv2d;
  /** @internal */
  encoder: Encoder;
  /** @internal */
  heads: Heads;
  readonly config: ViTConfig;

  /**
   * @param options `numClasses` must be given; the others have the defaults of VIT_TINY. Throws UsageError for counts that
   * cannot be, and ShapeError where patchSize does not divide imageSize or numHeads not hiddenDim.
   */
  constructor(options: ViTOptions) {
    super();
    const random = generatorOf(this.constructor.name, options);
    const config = vitConfig(options);
    const { imageSize, patchSize, hiddenDim, numHeads } = config;
    if (imageSize % patchSize !== 0 || hiddenDim % numHeads !== 0) {
      throw new ShapeError(
        `VisionTransformer: patchSize ${patchSize} must divide imageSize ${imageSize}, and numHeads ${numHeads} must divide hiddenDim ${hiddenDim}`,
      );
    }
    this.config = fixed(config);
    this.class_token = new Parameter([1, 1, hiddenDim], constant([1, 1, hiddenDim], 0));
    this.conv_proj = new Conv2d(3, hiddenDim, patchSize, {
      stride: patchSize,
      std: Math.sqrt(1 / (3 * patchSize ** 2)),
      generator: random,
    });
    this.encoder = new Encoder(config, random);
    this.heads = new Heads(hiddenDim, config.numClasses, random);
  }

  /**
   * The parts that are frozen and given a learning rate together, from the input to the output: the embedding of the patches with the first half of
   * the encoder's layers, the other half, and the head.
   */
  layerGroups(): { readonly name: string; readonly parameters: readonly Parameter[] }[] {
    const { layers, ln, pos_embedding } = this.encoder;
    const blocks = Object.values(layers).filter((block) => block instanceof EncoderBlock);
    const half = Math.ceil(blocks.length / 2);
    const of = (modules: readonly Module[]) => modules.flatMap((module) => module.parameters());
    return [
      {
        name: 'body.0',
        parameters: [
          this.class_token,
          ...this.conv_proj.parameters(),
          pos_embedding,
          ...of(blocks.slice(0, half)),
        ],
      },
      { name: 'body.1', parameters: of([...blocks.slice(half), ln]) },
      { name: 'head', parameters: this.heads.parameters() },
    ];
  }

  /**
   * The encoded tokens [N,1 + patches,hiddenDim]: the class token, then the patches by row and column.
   * @param images f32 [N,S,S,3] in 0..1, S the configuration's imageSize. Throws ShapeError for other shapes.
   */
  tokens(images: Tensor): Tensor {
    const { imageSize, hiddenDim, normalization } = this.config;
    const [H, W] = checkImages(this.constructor.name, images);
    if (H !== imageSize || W !== imageSize) {
      throw new ShapeError(
        `${this.constructor.name}: images of ${H}x${W}, the model takes ${imageSize}x${imageSize}; resize them`,
      );
    }
    const N = images.shape[0]!;
    const patches = this.conv_proj
      .forward(normalizeImages(images, normalization))
      .reshape([N, -1, hiddenDim]);
    const first = expand(cast(this.class_token.tensor, patches.dtype), [N, 1, hiddenDim]);
    return this.encoder.forward(concat([first, patches], 1));
  }

  /**
   * Logits [N,numClasses].
   * @param images f32 [N,S,S,3] in 0..1, S the configuration's imageSize.
   */
  forward(images: Tensor): Tensor {
    const first = slice(this.tokens(images), [[], [0, 1], []]);
    return this.heads.head.forward(first.reshape([images.shape[0]!, this.config.hiddenDim]));
  }

  protected override torchName(name: string): string {
    // torchvision before 0.13 named the two linear layers.
    return name.replace('mlp.linear_1.', 'mlp.0.').replace('mlp.linear_2.', 'mlp.3.');
  }
}

/**
 * Segmenter of a vision transformer with a linear decoder (Strudel et al. 2021, Segmenter, §3.2): the tokens of the patches are
 * classified and enlarged bilinearly.
 */
export class ViTSegmenter extends VisionTransformer {
  /**
   * Logits [N,H,W,numClasses]. Images larger than imageSize are cut into tiles, each segmented by itself.
   * @param images f32 [N,H,W,3] in 0..1, H and W multiples of imageSize.
   */
  override forward(images: Tensor): Tensor {
    const { imageSize: S, patchSize, numClasses: K } = this.config;
    const [H, W] = checkImages('ViTSegmenter', images, S);
    const [N, rows, columns] = [images.shape[0]!, H / S, W / S];
    // [N,rows,S,columns,S,…] to [N,rows,columns,S,S,…] and back.
    const turn = [0, 1, 3, 2, 4, 5];
    const tiles = permute(images.reshape([N, rows, S, columns, S, 3]), turn).reshape([-1, S, S, 3]);
    const side = S / patchSize;
    const patches = slice(this.tokens(tiles), [[], [1, side * side + 1], []]);
    const logits = this.heads.head.forward(patches).reshape([-1, side, side, K]);
    const large = interpolate(logits, { size: S, mode: 'bilinear' });
    return permute(large.reshape([N, rows, columns, S, S, K]), turn).reshape([N, H, W, K]);
  }

  /**
   * The loss of a batch, `segmentation`: the mean cross-entropy over pixels; with `dice` in the configuration, plus 1 - Dice.
   * @param images As of `forward`.
   * @param masks i32 [N,H,W]: the label of each pixel, 0 to numClasses - 1; 255 is ignored.
   * @param options Weights of the classes.
   */
  losses(images: Tensor, masks: Tensor, options: SegmentationLossOptions = {}): { segmentation: Tensor } {
    return { segmentation: segmentationLoss(this.forward(images), masks, this.config, options) };
  }
}

/** Options of `vitB16`: those of `VisionTransformer`. Default: numClasses 1000. */
export type ViTBuilderOptions = Partial<ViTOptions>;

/** ViT-B/16 as torchvision's vit_b_16, with 1000 classes by default. */
export const vitB16 = (options: ViTBuilderOptions = {}): VisionTransformer =>
  new VisionTransformer(
    withDefaults('vitB16', options, {
      ...VIT_B_16,
      numClasses: 1000,
      dropout: undefined,
      attentionDropout: undefined,
      dice: undefined,
      seed: undefined,
      generator: undefined,
    }),
  );
