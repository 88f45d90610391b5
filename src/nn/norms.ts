import { ShapeError } from '../errors.ts';
import { batchNormEval, batchNormTrain, groupNorm, layerNorm } from '../graph/functions/conv.ts';
import { assign, assignedTo, isRecording } from '../graph/recorder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { PyramidLevels } from '../kernels/levels.ts';
import { withDefaults } from '../options.ts';
import { expectCounts, expectNumbers, heeded } from './heeded.ts';
import { constant } from './init.ts';
import { Buffer, Module, Parameter } from './module.ts';

/** Options of normalisation layers. */
export interface NormOptions {
  /** What is added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/** Options of `BatchNorm2d`. */
export interface BatchNormOptions extends NormOptions {
  /** The share of a batch's statistics in the new running ones. Default 0.1. */
  readonly momentum?: number;
}

const expectConstants = (module: string) => (settings: object) => expectNumbers(module, settings);

/** The scale, shift and running statistics of a batch norm, [C] each. */
export interface BatchNormStates {
  readonly weight: { readonly tensor: Tensor };
  readonly bias: { readonly tensor: Tensor };
  readonly running_mean: Buffer;
  readonly running_var: Buffer;
}

/** Batch norm over x [N,H,W,C]: in training by the batch's statistics, where the running ones are assigned their new values. */
export function batchNorm(
  x: Tensor,
  { weight, bias, running_mean, running_var }: BatchNormStates,
  training: boolean,
  { momentum, eps }: Required<BatchNormOptions>,
): Tensor {
  const tensors = {
    weight: weight.tensor,
    bias: bias.tensor,
    runningMean: assignedTo(running_mean.state) ?? running_mean.tensor,
    runningVar: assignedTo(running_var.state) ?? running_var.tensor,
  };
  if (!training) return batchNormEval(x, tensors, eps);
  const { y, runningMean, runningVar } = batchNormTrain(x, tensors, { momentum, eps });
  if (isRecording()) {
    assign(running_mean.state, runningMean);
    assign(running_var.state, runningVar);
  }
  return y;
}

/**
 * Batch norm over x [N,H,W,C] (Ioffe and Szegedy 2015; PyTorch's BatchNorm2d): in training by the batch's statistics, in
 * evaluation by running ones. Where a layer is applied several times in one step, each application updates the running
 * statistics, as in PyTorch. Parameters `weight` and `bias` [C]; buffers `running_mean` and `running_var` [C].
 */
export class BatchNorm2d extends Module {
  weight: Parameter;
  bias: Parameter;
  running_mean: Buffer;
  running_var: Buffer;
  /** The share of a batch's statistics in the new running ones. A captured step is captured again when it has changed. */
  declare momentum: number;
  /** What is added to the variance. A captured step is captured again when it has changed. */
  declare eps: number;

  /** @param numFeatures The number of channels C. */
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super();
    expectCounts('BatchNorm2d', { numFeatures });
    const { momentum, eps } = withDefaults('BatchNorm2d', options, { momentum: 0.1, eps: 1e-5 });
    this.weight = new Parameter([numFeatures], constant([numFeatures], 1));
    this.bias = new Parameter([numFeatures], constant([numFeatures], 0));
    this.running_mean = new Buffer([numFeatures], constant([numFeatures], 0));
    this.running_var = new Buffer([numFeatures], constant([numFeatures], 1));
    heeded<BatchNorm2d>(this, { momentum, eps }, expectConstants('BatchNorm2d'));
  }

  /**
   * Normalises x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    return batchNorm(x, this, this.training, this);
  }
}

/**
 * Batch norm whose statistics, scale and shift are all fixed (torchvision's FrozenBatchNorm2d): for fine-tuning on batches
 * that are too small for statistics of their own. Buffers `weight`, `bias`, `running_mean` and `running_var` [C].
 */
export class FrozenBatchNorm2d extends Module {
  weight: Buffer;
  bias: Buffer;
  running_mean: Buffer;
  running_var: Buffer;
  /** What is added to the variance. A captured step is captured again when it has changed. */
  declare eps: number;

  /** @param numFeatures The number of channels C. */
  constructor(numFeatures: number, options: NormOptions = {}) {
    super();
    expectCounts('FrozenBatchNorm2d', { numFeatures });
    const { eps } = withDefaults('FrozenBatchNorm2d', options, { eps: 1e-5 });
    this.weight = new Buffer([numFeatures], constant([numFeatures], 1));
    this.bias = new Buffer([numFeatures], constant([numFeatures], 0));
    this.running_mean = new Buffer([numFeatures], constant([numFeatures], 0));
    this.running_var = new Buffer([numFeatures], constant([numFeatures], 1));
    heeded<FrozenBatchNorm2d>(this, { eps }, expectConstants('FrozenBatchNorm2d'));
  }

  /**
   * Normalises x.
   * @param x f32 or f16 [N,H,W,C].
   */
  forward(x: Tensor): Tensor {
    const tensors = {
      weight: this.weight.tensor,
      bias: this.bias.tensor,
      runningMean: this.running_mean.tensor,
      runningVar: this.running_var.tensor,
    };
    return batchNormEval(x, tensors, this.eps);
  }
}

/**
 * Layer norm over the last dimensions (Ba et al. 2016; PyTorch's LayerNorm). Parameters `weight` and `bias`, of their shape.
 */
export class LayerNorm extends Module {
  weight: Parameter;
  bias: Parameter;
  /** What is added to the variance. A captured step is captured again when it has changed. */
  declare eps: number;

  /**
   * @param normalizedShape The sizes of the dimensions that are normalised together, the last ones of x: one number, or
   * several. State dicts keep their order, so weights over [C,H,W] of PyTorch's do not fit maps [H,W,C].
   */
  constructor(normalizedShape: number | readonly number[], options: NormOptions = {}) {
    super();
    const { eps } = withDefaults('LayerNorm', options, { eps: 1e-5 });
    const shape = Array.isArray(normalizedShape) ? [...normalizedShape] : [normalizedShape as number];
    expectCounts('LayerNorm', Object.fromEntries(shape.map((size, i) => [`normalizedShape[${i}]`, size])));
    this.weight = new Parameter(shape, constant(shape, 1));
    this.bias = new Parameter(shape, constant(shape, 0));
    heeded<LayerNorm>(this, { eps }, expectConstants('LayerNorm'));
  }

  /**
   * Normalises x.
   * @param x f32 or f16, whose shape ends in normalizedShape.
   */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.tensor.shape, {
      weight: this.weight.tensor,
      bias: this.bias.tensor,
      eps: this.eps,
    });
  }
}

/** Group norm over x [N,...,C] (Wu and He 2018; PyTorch's GroupNorm). Parameters `weight` and `bias` [C]. */
export class GroupNorm extends Module {
  weight: Parameter;
  bias: Parameter;
  readonly #groups: number;
  /** What is added to the variance. A captured step is captured again when it has changed. */
  declare eps: number;

  /**
   * @param numGroups How many groups the channels are divided into. Throws ShapeError where they cannot be.
   * @param numChannels The number of channels C.
   */
  constructor(numGroups: number, numChannels: number, options: NormOptions = {}) {
    super();
    expectCounts('GroupNorm', { numGroups, numChannels });
    const { eps } = withDefaults('GroupNorm', options, { eps: 1e-5 });
    if (numChannels % numGroups !== 0) {
      throw new ShapeError(`GroupNorm: ${numGroups} groups do not divide ${numChannels} channels`);
    }
    this.weight = new Parameter([numChannels], constant([numChannels], 1));
    this.bias = new Parameter([numChannels], constant([numChannels], 0));
    this.#groups = numGroups;
    heeded<GroupNorm>(this, { eps }, expectConstants('GroupNorm'));
  }

  /**
   * Normalises x.
   * @param x f32 or f16 [N,...,C].
   * @param levels The sizes of the levels of a pyramid that x [N,1,P,C] has the pixels of, one after another: each level of each
   * image is normalised on its own. Throws ShapeError where they do not have P pixels. Default: x is one level.
   */
  forward(x: Tensor, levels?: PyramidLevels): Tensor {
    return groupNorm(x, this.#groups, {
      weight: this.weight.tensor,
      bias: this.bias.tensor,
      eps: this.eps,
      levels,
    });
  }
}

/**
 * Which normalisation a network uses: `batch`; `group`, which needs no batch statistics and suits small batches; or `frozen`,
 * batch norm with fixed statistics, for fine-tuning.
 */
export type NormKind = 'group' | 'batch' | 'frozen';

/** A normalisation layer of any kind. */
export type Norm = GroupNorm | BatchNorm2d | FrozenBatchNorm2d;

/**
 * A normalisation layer for this number of channels: of groups, those have 8 channels, or 4, 2 or 1 where 8 do not divide them.
 * `options` are those of batch norm; the other kinds have no momentum.
 */
export function normLayer(kind: NormKind, channels: number, options: BatchNormOptions = {}): Norm {
  if (kind === 'batch') return new BatchNorm2d(channels, options);
  const { momentum: _momentum, ...rest } = options;
  if (kind === 'frozen') return new FrozenBatchNorm2d(channels, rest);
  const size = [8, 4, 2, 1].find((candidate) => channels % candidate === 0)!;
  return new GroupNorm(channels / size, channels, rest);
}
