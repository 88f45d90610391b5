import { ShapeError } from '../errors.ts';
import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv2d,
  convTranspose2d,
} from '../graph/functions/conv.ts';
import { linear } from '../graph/functions/reduce.ts';
import { gatherRows } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { PyramidLevels } from '../kernels/levels.ts';
import { withDefaults } from '../options.ts';
import { formatShape, type Pair, pair } from '../shape.ts';
import { expectCounts, heeded } from './heeded.ts';
import { constant, kaimingStd, normalLater } from './init.ts';
import { convLayout, linearLayout } from './layout.ts';
import { Module, Parameter } from './module.ts';
import type { GeneratorOption } from './random.ts';

/** Options of `Conv2d`: stride, padding, dilation and groups as of `conv2d`, and these. */
export interface Conv2dOptions extends Omit<ConvOptions, 'levels'>, GeneratorOption {
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /** Standard deviation of the initial weights. Default: Kaiming's for ReLU by fan-out, sqrt(2 / (kh kw O / groups)). */
  readonly std?: number | undefined;
}

/**
 * Convolution of x [N,H,W,I] to [N,OH,OW,O] (PyTorch's Conv2d). Parameters: `weight` [kh,kw,I/groups,O], `bias` [O]; state
 * dicts in PyTorch's layout [O,I/groups,kh,kw] load with layout `pytorch`. Initial weights are normal, biases 0.
 */
export class Conv2d extends Module {
  weight: Parameter;
  bias: Parameter | undefined;
  /** Pixels between windows. A captured step is captured again when this or another of these settings has changed. */
  declare stride: Pair;
  /** Zeros on each side. */
  declare padding: Pair | 'valid' | 'same';
  /** Pixels from one tap of the kernel to the next. */
  declare dilation: Pair;
  /** Groups of channels that are convolved by themselves. */
  declare groups: number;

  /**
   * @param inChannels Channels of x, a multiple of `groups`.
   * @param outChannels Channels of the result, a multiple of `groups`.
   * @param kernelSize Pixels: one number, or [height, width].
   * @param options Defaults: stride 1, padding 0, dilation 1, groups 1, with bias.
   */
  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dOptions = {}) {
    super();
    const { bias, std, generator, ...conv } = withDefaults('Conv2d', options, {
      bias: true,
      std: undefined,
      generator: undefined,
      stride: 1,
      padding: 0,
      dilation: 1,
      groups: 1,
    });
    const [kh, kw] = pair(kernelSize);
    const { groups } = conv;
    expectCounts('Conv2d', { inChannels, outChannels, kernelHeight: kh, kernelWidth: kw, groups });
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ShapeError(
        `Conv2d: groups ${groups} must divide inChannels ${inChannels} and outChannels ${outChannels}`,
      );
    }
    const shape = [kh, kw, inChannels / groups, outChannels] as const;
    const spread = std ?? kaimingStd((kh * kw * outChannels) / groups);
    this.weight = new Parameter(shape, normalLater('Conv2d', generator, shape, spread), convLayout(shape));
    this.bias = bias ? new Parameter([outChannels], constant([outChannels], 0)) : undefined;
    heeded<Conv2d>(this, conv);
  }

  /**
   * Convolves x.
   * @param x f32 or f16 [N,H,W,I], or [N,1,P,I] with `levels`.
   * @param levels Height and width of the levels of a feature pyramid, as of `conv2d`.
   */
  forward(x: Tensor, levels?: PyramidLevels): Tensor {
    const { stride, padding, dilation, groups } = this;
    return conv2d(x, this.weight.tensor, this.bias?.tensor, { stride, padding, dilation, groups, levels });
  }
}

/** Options of `ConvTranspose2d`: stride, padding, outputPadding and dilation as of `convTranspose2d`, and these. */
export interface ConvTranspose2dOptions
  extends Omit<ConvTransposeOptions, 'groups' | 'levels'>,
    GeneratorOption {
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /** Standard deviation of the initial weights. Default sqrt(2 / I). */
  readonly std?: number | undefined;
}

/**
 * Transposed convolution of x [N,H,W,I] to [N,OH,OW,O] (PyTorch's ConvTranspose2d). Parameters: `weight` [kh,kw,O,I], `bias`
 * [O]; state dicts in PyTorch's layout [I,O,kh,kw] load with layout `pytorch`.
 */
export class ConvTranspose2d extends Module {
  weight: Parameter;
  bias: Parameter | undefined;
  /** Pixels between windows. A captured step is captured again when this or another of these settings has changed. */
  declare stride: Pair;
  /** Pixels that the result lacks on each side. */
  declare padding: Pair;
  /** Pixels that the result has more at the bottom and on the right. */
  declare outputPadding: Pair;
  /** Pixels from one tap of the kernel to the next. */
  declare dilation: Pair;

  /**
   * @param inChannels Channels of x.
   * @param outChannels Channels of the result.
   * @param kernelSize Pixels: one number, or [height, width].
   * @param options Defaults: stride 1, padding 0, outputPadding 0, dilation 1, with bias.
   */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: Pair,
    options: ConvTranspose2dOptions = {},
  ) {
    super();
    const { bias, std, generator, ...conv } = withDefaults('ConvTranspose2d', options, {
      bias: true,
      std: kaimingStd(inChannels),
      generator: undefined,
      stride: 1,
      padding: 0,
      outputPadding: 0,
      dilation: 1,
    });
    const [kh, kw] = pair(kernelSize);
    expectCounts('ConvTranspose2d', { inChannels, outChannels, kernelHeight: kh, kernelWidth: kw });
    const shape = [kh, kw, outChannels, inChannels] as const;
    this.weight = new Parameter(
      shape,
      normalLater('ConvTranspose2d', generator, shape, std),
      convLayout(shape),
    );
    this.bias = bias ? new Parameter([outChannels], constant([outChannels], 0)) : undefined;
    heeded<ConvTranspose2d>(this, conv);
  }

  /**
   * Convolves x, transposed.
   * @param x f32 or f16 [N,H,W,I].
   */
  forward(x: Tensor): Tensor {
    const { stride, padding, outputPadding, dilation } = this;
    const options = { stride, padding, outputPadding, dilation };
    return convTranspose2d(x, this.weight.tensor, this.bias?.tensor, options);
  }
}

/** Options of `Linear`. */
export interface LinearOptions extends GeneratorOption {
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /** Standard deviation of the initial weights. Default: Kaiming's for ReLU by fan-in, sqrt(2 / I). */
  readonly std?: number | undefined;
  /**
   * Where x is a flattened map [H,W,C]: the number of pixels H W. PyTorch flattens [C,H,W], so its weights are in another
   * order, which layout `pytorch` undoes. Default 1.
   */
  readonly pixels?: number;
}

/**
 * x weight + bias for x [...,I] (PyTorch's Linear). Parameters: `weight` [I,O], `bias` [O]; state dicts in PyTorch's layout
 * [O,I] load with layout `pytorch`.
 */
export class Linear extends Module {
  weight: Parameter;
  bias: Parameter | undefined;

  /**
   * @param inFeatures I.
   * @param outFeatures O.
   */
  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    const { bias, std, pixels, generator } = withDefaults('Linear', options, {
      bias: true,
      std: kaimingStd(inFeatures),
      pixels: 1,
      generator: undefined,
    });
    expectCounts('Linear', { inFeatures, outFeatures, pixels });
    if (inFeatures % pixels !== 0) {
      throw new ShapeError(`Linear: pixels ${pixels} must divide inFeatures ${inFeatures}`);
    }
    const shape = [inFeatures, outFeatures];
    const layout = linearLayout(inFeatures, outFeatures, pixels);
    this.weight = new Parameter(shape, normalLater('Linear', generator, shape, std), layout);
    this.bias = bias ? new Parameter([outFeatures], constant([outFeatures], 0)) : undefined;
  }

  /**
   * Multiplies by the weight and adds the bias.
   * @param x f32 or f16 [...,I].
   */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight.tensor, this.bias?.tensor);
  }
}

/** Options of `Embedding`. */
export interface EmbeddingOptions extends GeneratorOption {
  /** Standard deviation of the initial weights. Default 1, as PyTorch's. */
  readonly std?: number | undefined;
}

/** A learned vector for each of a number of indices (PyTorch's Embedding). Parameter: `weight` [numEmbeddings,embeddingDim]. */
export class Embedding extends Module {
  weight: Parameter;

  /**
   * @param numEmbeddings The number of indices, which count from 0.
   * @param embeddingDim The length of each vector.
   */
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super();
    const { std, generator } = withDefaults('Embedding', options, { std: 1, generator: undefined });
    expectCounts('Embedding', { numEmbeddings, embeddingDim });
    const shape = [numEmbeddings, embeddingDim];
    this.weight = new Parameter(shape, normalLater('Embedding', generator, shape, std));
  }

  /**
   * The vectors of indices. An index outside 0 to numEmbeddings - 1 gives zeros; PyTorch throws. Throws ShapeError for
   * indices that are not i32.
   * @param indices i32 of any shape. The result has this shape and embeddingDim as its last dimension.
   */
  forward(indices: Tensor): Tensor {
    if (indices.dtype !== 'i32') {
      throw new ShapeError(
        `Embedding: indices ${formatShape(indices.shape)} are ${indices.dtype}; give i32, such as tensor(Int32Array.of(0, 1))`,
      );
    }
    return gatherRows(this.weight.tensor, indices);
  }
}
