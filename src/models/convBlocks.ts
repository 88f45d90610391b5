import { mul } from '../graph/functions/elementwise.ts';
import { mean } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Sequential } from '../nn/containers.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { type BatchNormOptions, type NormKind, normLayer } from '../nn/norms.ts';
import type { Generator } from '../nn/random.ts';
import { IMAGENET, type Normalization, normalizeImages } from './preprocess.ts';
import { checkImages } from './segmentation.ts';

/** A function of each element. */
export type Activation = (x: Tensor) => Tensor;

/** What all layers of a network share. */
export interface SharedLayers {
  readonly norm: NormKind;
  readonly batchNorm?: BatchNormOptions;
  readonly generator: Generator;
}

/** The shape of a convolution. It is padded so that it keeps the size where its stride is 1. */
export interface ConvShape {
  readonly from: number;
  readonly to: number;
  readonly kernelSize: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly dilation?: number;
}

/** Convolution without bias, norm, and the activation if there is one (torchvision's Conv2dNormActivation). */
export function convNormActivation(
  { from, to, kernelSize, stride = 1, groups = 1, dilation = 1 }: ConvShape,
  { norm, batchNorm, generator }: SharedLayers,
  activation?: Activation,
): Sequential {
  const padding = Math.floor((kernelSize - 1) / 2) * dilation;
  const options = { stride, groups, dilation, padding, bias: false, generator };
  const layers = [new Conv2d(from, to, kernelSize, options), normLayer(norm, to, batchNorm)];
  return activation ? new Sequential(...layers, activation) : new Sequential(...layers);
}

/** The nearest multiple of 8 that is at most a tenth below (torchvision's _make_divisible). */
export function multipleOf8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/** Scales each channel by a factor that depends on the means of all (Hu et al. 2018, Squeeze-and-excitation networks, §3). */
export class SqueezeExcitation extends Module {
  fc1: Conv2d;
  fc2: Conv2d;
  readonly #activation: Activation;
  readonly #scale: Activation;

  /** `squeeze`: channels between the two layers. `activation` follows the first one, `scale` the second. */
  constructor(
    channels: number,
    squeeze: number,
    options: { readonly activation: Activation; readonly scale: Activation; readonly generator: Generator },
  ) {
    super();
    const { activation, scale, generator } = options;
    this.fc1 = new Conv2d(channels, squeeze, 1, { generator });
    this.fc2 = new Conv2d(squeeze, channels, 1, { generator });
    this.#activation = activation;
    this.#scale = scale;
  }

  forward(x: Tensor): Tensor {
    const means = mean(x, { dim: [1, 2], keepdim: true });
    return mul(x, this.#scale(this.fc2.forward(this.#activation(this.fc1.forward(means)))));
  }
}

/** A classifier whose features are pooled to their means. */
interface PooledClassifier {
  readonly features: Sequential;
  readonly classifier: Sequential | undefined;
  readonly config: { readonly normalization?: Normalization };
}

/**
 * Logits [N,numClasses]; without a classifier, the pooled features. Throws ShapeError, which begins with `op`, for other images
 * than f32 [N,H,W,3].
 */
export function pooledLogits(
  op: string,
  { features, classifier, config }: PooledClassifier,
  images: Tensor,
): Tensor {
  checkImages(op, images);
  const normal = normalizeImages(images, config.normalization ?? IMAGENET);
  const pooled = mean(features.forward(normal), { dim: [1, 2] });
  return classifier?.forward(pooled) ?? pooled;
}
