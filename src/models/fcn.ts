import { interpolate } from '../graph/functions/conv.ts';
import { add, affine, relu } from '../graph/functions/elementwise.ts';
import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Generator, generator } from '../nn/init.ts';
import { BatchNorm2d, Conv2d, type Layer, sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { RESNETS, ResNet, type ResNetConfig, type ResNetName } from './resnet.ts';
import { checkImages, type SegmentationLossConfig, segmentationLoss } from './segmentation.ts';

/** Everything that shapes an FCN; saved with its weights. */
export interface FCNConfig extends SegmentationLossConfig {
  /** Classes without the background, which is class 0. */
  readonly numClasses: number;
  readonly backbone: ResNetConfig;
  /** A second classifier on the third stage, whose loss counts half: gradients for the stages before. Default false. */
  readonly auxiliary?: boolean;
  /**
   * Whether the classifier sees the maps of all four stages, enlarged to the first one's size, instead of the last alone:
   * hypercolumns (Hariharan et al. 2015). Default false.
   */
  readonly hypercolumns?: boolean;
  readonly normalization: Normalization;
}

/** For training from scratch on few pictures, on any adapter. */
export const FCN_DEFAULTS: Omit<FCNConfig, 'numClasses'> = {
  backbone: { block: 'basic', depth: [1, 1, 1, 1], width: 16, maxWidth: 64, stem: 'small', norm: 'batch' },
  hypercolumns: true,
  normalization: IMAGENET,
};

/** A 3x3 convolution to a quarter of the channels, and a 1x1 classifier (torchvision's FCNHead). */
const head = (random: Generator, from: number, outputs: number): Layer[] => {
  const inner = Math.max(Math.floor(from / 4), 1);
  return [
    new Conv2d(random, from, inner, { padding: 1, bias: false }),
    new BatchNorm2d(inner),
    relu,
    // torchvision's dropout of 0.1 stands here; it has no weights.
    (x) => x,
    new Conv2d(random, inner, outputs, { kernelSize: 1, std: 0.05 }),
  ];
};

/**
 * Fully convolutional network (Long et al. 2015; torchvision's form of it): a ResNet whose last stages keep their resolution,
 * a classifier of pixels, and bilinear enlargement to the size of the image. Weights have torchvision's names.
 */
export class FCN extends Module {
  backbone: ResNet;
  classifier: Layer[];
  aux_classifier: Layer[] | undefined;
  readonly config: FCNConfig;

  constructor(config: FCNConfig, seed = 0) {
    super();
    const random = generator(seed);
    this.config = config;
    this.backbone = new ResNet(config.backbone, random);
    const { channels } = this.backbone;
    const from = config.hypercolumns ? channels.reduce((a, b) => a + b) : channels[3];
    this.classifier = head(random, from, config.numClasses + 1);
    this.aux_classifier = config.auxiliary ? head(random, channels[2], config.numClasses + 1) : undefined;
  }

  /** Sizes of batches are multiples of this. */
  readonly stride = 32;

  /** images: [N,H,W,3] in 0..1, of any size. Logits [N,H,W,numClasses + 1]. */
  forward(images: Tensor): Tensor {
    return this.#outputs(images).out;
  }

  /** The logits, and those of the auxiliary classifier where there is one. */
  outputs(images: Tensor): { readonly out: Tensor; readonly aux?: Tensor } {
    const { out, aux } = this.#outputs(images);
    return aux ? { out, aux } : { out };
  }

  #outputs(images: Tensor): { readonly out: Tensor; readonly aux: Tensor | undefined } {
    const [H, W] = checkImages('FCN', images);
    const maps = this.backbone.features(normalizeImages(images, this.config.normalization));
    const enlarge = (x: Tensor, size: readonly [number, number]) =>
      interpolate(x, { size: [...size], mode: 'bilinear' });
    const first = [maps[0].shape[1]!, maps[0].shape[2]!] as const;
    const seen = this.config.hypercolumns
      ? concat(
          maps.map((map, i) => (i === 0 ? map : enlarge(map, first))),
          3,
        )
      : maps[3];
    const aux = this.aux_classifier && enlarge(sequential(this.aux_classifier, maps[2]), [H, W]);
    return { out: enlarge(sequential(this.classifier, seen), [H, W]), aux };
  }

  /** See segmentationLoss; half of the auxiliary classifier's is added. masks: i32 [N,H,W], 255 is ignored. */
  losses(images: Tensor, masks: Tensor): { segmentation: Tensor } {
    const { out, aux } = this.#outputs(images);
    const loss = (logits: Tensor) => segmentationLoss(logits, masks, this.config);
    return { segmentation: aux ? add(loss(out), affine(loss(aux), 0.5)) : loss(out) };
  }
}

/** FCN as torchvision builds it: stages 3 and 4 dilated. numClasses does not count the background; torchvision's does. */
export const fcn = (
  backbone: ResNetName | ResNetConfig,
  config: Partial<FCNConfig> & Pick<FCNConfig, 'numClasses'>,
  seed = 0,
): FCN =>
  new FCN(
    {
      backbone:
        typeof backbone === 'string' ? { ...RESNETS[backbone], dilated: [false, true, true] } : backbone,
      normalization: IMAGENET,
      ...config,
    },
    seed,
  );
