import { ShapeError } from '../errors.ts';
import {
  batchNormEval,
  batchNormTrain,
  type ConvOptions,
  type ConvTransposeOptions,
  conv2d,
  convTranspose2d,
  groupNorm,
  layerNorm,
} from '../graph/functions/conv.ts';
import { linear } from '../graph/functions/reduce.ts';
import { assign, assignedTo, isRecording } from '../graph/recorder.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Pair, pair } from '../shape.ts';
import { constant, type Generator, kaimingStd, normalLater } from './init.ts';
import { convLayout, linearLayout } from './layout.ts';
import { Buffer, Module, Parameter } from './module.ts';

export interface ConvModuleOptions extends ConvOptions {
  readonly kernelSize?: Pair;
  /** Default: true. */
  readonly bias?: boolean;
  /** Standard deviation of the initial weights; default Kaiming's for ReLU, by fan-out. */
  readonly std?: number;
}

/** conv2d with weight [kh,kw,I/groups,O] and bias [O]. */
export class Conv2d extends Module {
  weight: Parameter;
  bias: Parameter | undefined;
  readonly #options: ConvOptions;

  constructor(random: Generator, inChannels: number, outChannels: number, options: ConvModuleOptions = {}) {
    super();
    const { kernelSize = 3, bias = true, std, ...conv } = options;
    const [kh, kw] = pair(kernelSize);
    const groups = conv.groups ?? 1;
    const shape = [kh, kw, inChannels / groups, outChannels] as const;
    const spread = std ?? kaimingStd((kh * kw * outChannels) / groups);
    this.weight = new Parameter(shape, normalLater(random, shape, spread), convLayout(shape));
    this.bias = bias ? new Parameter([outChannels], constant([outChannels], 0)) : undefined;
    this.#options = conv;
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight.tensor, this.bias?.tensor, this.#options);
  }
}

/** convTranspose2d with weight [kh,kw,O,I] and bias [O]. */
export class ConvTranspose2d extends Module {
  weight: Parameter;
  bias: Parameter;
  readonly #options: ConvTransposeOptions;

  constructor(
    random: Generator,
    inChannels: number,
    outChannels: number,
    options: { kernelSize: Pair } & ConvTransposeOptions,
  ) {
    super();
    const { kernelSize, ...conv } = options;
    const shape = [...pair(kernelSize), outChannels, inChannels] as const;
    this.weight = new Parameter(shape, normalLater(random, shape, kaimingStd(inChannels)), convLayout(shape));
    this.bias = new Parameter([outChannels], constant([outChannels], 0));
    this.#options = conv;
  }

  forward(x: Tensor): Tensor {
    return convTranspose2d(x, this.weight.tensor, this.bias.tensor, this.#options);
  }
}

export interface LinearOptions {
  /** Default: true. */
  readonly bias?: boolean;
  /** Standard deviation of the initial weights; default Kaiming's for ReLU, by fan-in. */
  readonly std?: number;
  /** Where x is a flattened map [H,W,C]: H W. PyTorch flattens [C,H,W], so its weights are in another order. Default 1. */
  readonly pixels?: number;
}

/** linear with weight [I,O] and bias [O]. */
export class Linear extends Module {
  weight: Parameter;
  bias: Parameter | undefined;

  constructor(
    random: Generator,
    inFeatures: number,
    outFeatures: number,
    { bias = true, std = kaimingStd(inFeatures), pixels = 1 }: LinearOptions = {},
  ) {
    super();
    const shape = [inFeatures, outFeatures];
    const layout = linearLayout(inFeatures, outFeatures, pixels);
    this.weight = new Parameter(shape, normalLater(random, shape, std), layout);
    this.bias = bias ? new Parameter([outFeatures], constant([outFeatures], 0)) : undefined;
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight.tensor, this.bias?.tensor);
  }
}

/**
 * Batch norm over [N,H,W,C] (Ioffe and Szegedy 2015): the batch's statistics in training, running ones else. Where a
 * layer is applied several times in one step, each application moves the running ones on, as in PyTorch.
 */
export class BatchNorm2d extends Module {
  weight: Parameter;
  bias: Parameter;
  running_mean: Buffer;
  running_var: Buffer;
  readonly #momentum: number;
  readonly #eps: number;

  constructor(channels: number, { momentum = 0.1, eps = 1e-5 } = {}) {
    super();
    this.weight = new Parameter([channels], constant([channels], 1));
    this.bias = new Parameter([channels], constant([channels], 0));
    this.running_mean = new Buffer([channels], constant([channels], 0));
    this.running_var = new Buffer([channels], constant([channels], 1));
    this.#momentum = momentum;
    this.#eps = eps;
  }

  forward(x: Tensor): Tensor {
    const tensors = {
      weight: this.weight.tensor,
      bias: this.bias.tensor,
      runningMean: assignedTo(this.running_mean.state) ?? this.running_mean.tensor,
      runningVar: assignedTo(this.running_var.state) ?? this.running_var.tensor,
    };
    if (!this.training) return batchNormEval(x, tensors, this.#eps);
    const { y, runningMean, runningVar } = batchNormTrain(x, tensors, {
      momentum: this.#momentum,
      eps: this.#eps,
    });
    if (isRecording()) {
      assign(this.running_mean.state, runningMean);
      assign(this.running_var.state, runningVar);
    }
    return y;
  }
}

/**
 * Batch norm whose statistics, scale and shift are all fixed (torchvision's FrozenBatchNorm2d): for fine-tuning on batches
 * too small to have statistics of their own.
 */
export class FrozenBatchNorm2d extends Module {
  weight: Buffer;
  bias: Buffer;
  running_mean: Buffer;
  running_var: Buffer;
  readonly #eps: number;

  constructor(channels: number, { eps = 1e-5 } = {}) {
    super();
    this.weight = new Buffer([channels], constant([channels], 1));
    this.bias = new Buffer([channels], constant([channels], 0));
    this.running_mean = new Buffer([channels], constant([channels], 0));
    this.running_var = new Buffer([channels], constant([channels], 1));
    this.#eps = eps;
  }

  forward(x: Tensor): Tensor {
    const tensors = {
      weight: this.weight.tensor,
      bias: this.bias.tensor,
      runningMean: this.running_mean.tensor,
      runningVar: this.running_var.tensor,
    };
    return batchNormEval(x, tensors, this.#eps);
  }
}

/** Layer norm over the last dimension. */
export class LayerNorm extends Module {
  weight: Parameter;
  bias: Parameter;
  readonly #eps: number;

  constructor(features: number, { eps = 1e-5 } = {}) {
    super();
    this.weight = new Parameter([features], constant([features], 1));
    this.bias = new Parameter([features], constant([features], 0));
    this.#eps = eps;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.tensor, this.bias.tensor, this.#eps);
  }
}

/** Group norm over [N,H,W,C]. */
export class GroupNorm extends Module {
  weight: Parameter;
  bias: Parameter;
  readonly #groups: number;

  constructor(numGroups: number, channels: number) {
    super();
    if (channels % numGroups !== 0) {
      throw new ShapeError(`GroupNorm: ${numGroups} groups do not divide ${channels} channels`);
    }
    this.weight = new Parameter([channels], constant([channels], 1));
    this.bias = new Parameter([channels], constant([channels], 0));
    this.#groups = numGroups;
  }

  forward(x: Tensor): Tensor {
    return groupNorm(x, this.#groups, this.weight.tensor, this.bias.tensor);
  }
}

/** A module of one tensor to one, or a function in its place: an activation, a pooling. */
export type Layer = (Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor);

/** Layers one after another. A function takes up an index, as PyTorch's modules without weights do in its `Sequential`. */
export const sequential = (layers: readonly Layer[], x: Tensor): Tensor =>
  layers.reduce((y, layer) => (typeof layer === 'function' ? layer(y) : layer.forward(y)), x);

/**
 * Which normalisation a network uses. Group norm needs no batch statistics: it suits small batches. Frozen is batch norm
 * with fixed statistics, for fine-tuning.
 */
export type NormKind = 'group' | 'batch' | 'frozen';

/** A normalisation layer, whichever. */
export type Norm = GroupNorm | BatchNorm2d | FrozenBatchNorm2d;

/** The normalisation layer for so many channels: groups of 8 channels, or of what divides them. */
export function normLayer(kind: NormKind, channels: number): Norm {
  if (kind === 'batch') return new BatchNorm2d(channels);
  if (kind === 'frozen') return new FrozenBatchNorm2d(channels);
  const size = [8, 4, 2, 1].find((candidate) => channels % candidate === 0)!;
  return new GroupNorm(channels / size, channels);
}
