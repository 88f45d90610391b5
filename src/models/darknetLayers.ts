import { DataError } from '../errors.ts';
import { mish } from '../graph/functions/activations.ts';
import { batchNormEval, interpolate, maxPool2d } from '../graph/functions/conv.ts';
import { add, affine, leakyRelu, mul, relu, sigmoid, silu, sqrt } from '../graph/functions/elementwise.ts';
import { concat, pad, slice } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Dropout } from '../nn/dropout.ts';
import { Conv2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { BatchNorm2d } from '../nn/norms.ts';
import type { Generator } from '../nn/random.ts';
import type {
  DarknetActivation,
  DarknetCfg,
  DarknetConvolutional,
  DarknetLayer,
  DarknetMaxpool,
  DarknetRoute,
} from './darknet.ts';

const ACTIVATIONS: Readonly<Record<DarknetActivation, (x: Tensor) => Tensor>> = {
  linear: (x) => x,
  leaky: (x) => leakyRelu(x, 0.1),
  relu,
  logistic: sigmoid,
  mish,
  swish: silu,
};

/**
 * Batch norm that in evaluation divides by sqrt(var) + 1e-6, as Darknet's CPU program does, instead of by
 * sqrt(var + 1e-5): only channels that hardly vary see a difference.
 */
class DarknetBatchNorm extends BatchNorm2d {
  override forward(x: Tensor): Tensor {
    if (this.training) return super.forward(x);
    const spread = affine(sqrt(this.running_var.tensor), 1, 1e-6);
    const tensors = {
      weight: this.weight.tensor,
      bias: this.bias.tensor,
      runningMean: this.running_mean.tensor,
      runningVar: mul(spread, spread),
    };
    return batchNormEval(x, tensors, 0);
  }
}

interface DarknetInit {
  /** Standard deviation of the initial weights. Default: Kaiming's, by fan-in. */
  readonly std: number | undefined;
  readonly generator: Generator;
}

/** A convolution, with batch norm or a bias, and an activation. */
export class DarknetConvLayer extends Module {
  conv: Conv2d;
  bn: DarknetBatchNorm | undefined;
  readonly section: DarknetConvolutional;

  constructor(inChannels: number, section: DarknetConvolutional, { std, generator }: DarknetInit) {
    super();
    const { filters, size, stride, padding, groups, batchNormalize } = section;
    this.section = section;
    this.conv = new Conv2d(inChannels, filters, size, {
      stride,
      padding,
      groups,
      bias: !batchNormalize,
      std: std ?? Math.sqrt((2 * groups) / (size * size * inChannels)),
      generator,
    });
    this.bn = batchNormalize ? new DarknetBatchNorm(filters) : undefined;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return ACTIVATIONS[this.section.activation](this.bn ? this.bn.forward(y) : y);
  }
}

/** The module of a layer that has one. */
export type DarknetModule = DarknetConvLayer | Dropout;

/** The output of a layer: channels, and pixels of the network's input per pixel of the output. */
export interface DarknetShape {
  readonly channels: number;
  readonly stride: number;
}

/** The most weights of a network: 400 MB. YOLOv4 has 64 million. A few bytes must not be able to ask for more memory. */
const MOST_WEIGHTS = 100_000_000;

/**
 * Builds the modules of a network, by layer (undefined for layers without weights), and the output shape of each layer.
 * Throws DataError, with the line, for layers that do not fit together, and for more than 100 million weights in all.
 */
export function buildDarknet(
  { name, net, layers }: DarknetCfg,
  generator: Generator,
): { modules: (DarknetModule | undefined)[]; shapes: DarknetShape[] } {
  const shapes: DarknetShape[] = [];
  let weights = 0;
  const modules = layers.map((layer, i): DarknetModule | undefined => {
    const before = shapes.at(-1) ?? { channels: net.channels, stride: 1 };
    const problem = misfit(layer, before, shapes);
    if (problem) throw new DataError(`${name}:${layer.line}: [${layer.type}] ${problem}`);
    shapes.push(shapeOf(layer, before, shapes));
    if (layer.type === 'dropout') return new Dropout(layer.probability, { generator });
    if (layer.type !== 'convolutional') return undefined;
    const { filters, size, groups } = layer;
    weights += (before.channels / groups) * filters * size * size;
    if (weights > MOST_WEIGHTS) {
      throw new DataError(
        `${name}:${layer.line}: [convolutional] filters=${filters}, size=${size} on ${before.channels} channels: the network has ${weights} weights up to here, more than ${MOST_WEIGHTS}; give fewer`,
      );
    }
    // What predictions come from begins small, so that the first boxes are the anchors.
    const std = layers[i + 1]?.type === 'yolo' ? 0.01 : undefined;
    return new DarknetConvLayer(before.channels, layer, { std, generator });
  });
  return { modules, shapes };
}

/** Channels of what a yolo layer predicts from. */
const predicted = (mask: readonly number[], classes: number): number => mask.length * (5 + classes);

function misfit(
  layer: DarknetLayer,
  { channels, stride }: DarknetShape,
  shapes: readonly DarknetShape[],
): string | undefined {
  const others = (indices: readonly number[], wanted: number) =>
    indices.find((i) => shapes[i]!.stride !== wanted);
  switch (layer.type) {
    case 'convolutional':
      return channels % layer.groups === 0 && layer.filters % layer.groups === 0
        ? undefined
        : `groups=${layer.groups} must divide ${channels} channels and ${layer.filters} filters`;
    case 'shortcut': {
      const other = others([layer.from], stride);
      return other === undefined
        ? undefined
        : `layer ${other} has stride ${shapes[other]!.stride}, the one before ${stride}; add layers of one size`;
    }
    case 'route': {
      const wanted = shapes[layer.layers[0]!]!.stride;
      const other = others(layer.layers, wanted);
      if (other !== undefined) {
        return `layer ${other} has stride ${shapes[other]!.stride}, layer ${layer.layers[0]} has ${wanted}; join layers of one size`;
      }
      const odd = layer.layers.find((i) => shapes[i]!.channels % layer.groups !== 0);
      return odd === undefined
        ? undefined
        : `groups=${layer.groups} must divide the ${shapes[odd]!.channels} channels of layer ${odd}`;
    }
    case 'yolo': {
      const wanted = predicted(layer.mask, layer.classes);
      return channels === wanted
        ? undefined
        : `needs ${layer.mask.length} * (5 + ${layer.classes}) = ${wanted} channels, the layer before gives ${channels}; set its filters`;
    }
    default:
      return undefined;
  }
}

function shapeOf(
  layer: DarknetLayer,
  { channels, stride }: DarknetShape,
  shapes: readonly DarknetShape[],
): DarknetShape {
  switch (layer.type) {
    case 'convolutional':
      return { channels: layer.filters, stride: stride * layer.stride };
    case 'maxpool':
      return { channels, stride: stride * layer.stride };
    case 'upsample':
      return { channels, stride: stride / layer.stride };
    case 'route':
      return {
        channels: layer.layers.reduce((total, i) => total + shapes[i]!.channels / layer.groups, 0),
        stride: shapes[layer.layers[0]!]!.stride,
      };
    default:
      return { channels, stride };
  }
}

/** Runs all layers on images [N,H,W,C] and returns the output of each; that of a yolo layer is its input. */
export function runDarknet(
  layers: readonly DarknetLayer[],
  modules: readonly (DarknetModule | undefined)[],
  images: Tensor,
): Tensor[] {
  const outputs: Tensor[] = [];
  for (const [i, layer] of layers.entries()) {
    outputs.push(runLayer(layer, modules[i], outputs.at(-1) ?? images, outputs));
  }
  return outputs;
}

function runLayer(
  layer: DarknetLayer,
  module: DarknetModule | undefined,
  x: Tensor,
  outputs: readonly Tensor[],
): Tensor {
  switch (layer.type) {
    case 'convolutional':
    case 'dropout':
      return module!.forward(x);
    case 'maxpool':
      return pooled(x, layer);
    case 'shortcut': {
      const earlier = outputs[layer.from]!;
      const missing = x.shape[3]! - earlier.shape[3]!;
      // Channels that only one of the two has are taken from the one before, or left out.
      const fitting = missing === 0 ? earlier : pad(earlier, [NONE, NONE, NONE, [0, missing]]);
      const scaled = (value: Tensor, factor: number) => (factor === 1 ? value : affine(value, factor));
      return ACTIVATIONS[layer.activation](add(scaled(x, layer.alpha), scaled(fitting, layer.beta)));
    }
    case 'route':
      return routed(layer, outputs);
    case 'upsample': {
      const size = [x.shape[1]! * layer.stride, x.shape[2]! * layer.stride] as const;
      const large = interpolate(x, { size, mode: 'nearest' });
      return layer.scale === 1 ? large : affine(large, layer.scale);
    }
    case 'identity':
    case 'yolo':
      return x;
  }
}

const NONE = [0, 0] as const;
/** Below any activation: the padding of a pool. */
const LOWEST = -3.4028234663852886e38;

/** Darknet's windows: (size + padding - window) / stride + 1 of them, the first `padding / 2` before the edge. */
function pooled(x: Tensor, { size, stride, padding }: DarknetMaxpool): Tensor {
  const before = Math.floor(padding / 2);
  const after = (axis: 1 | 2): number => {
    const length = x.shape[axis]!;
    const windows = Math.floor((length + padding - size) / stride) + 1;
    return (windows - 1) * stride + size - before - length;
  };
  const [bottom, right] = [after(1), after(2)];
  // With as many zeros on both sides there are as many windows: the pool pads by itself.
  const symmetric = [1, 2].every((axis) => {
    const windows = Math.floor((x.shape[axis]! + padding - size) / stride);
    return windows === Math.floor((x.shape[axis]! + 2 * before - size) / stride);
  });
  if (symmetric && 2 * before <= size) return maxPool2d(x, size, { stride, padding: before });
  return maxPool2d(pad(x, [NONE, [before, bottom], [before, right], NONE], { value: LOWEST }), size, {
    stride,
  });
}

function routed({ layers, groups, groupId }: DarknetRoute, outputs: readonly Tensor[]): Tensor {
  const parts = layers.map((i) => {
    const whole = outputs[i]!;
    if (groups === 1) return whole;
    const share = whole.shape[3]! / groups;
    return slice(whole, [[], [], [], [groupId * share, (groupId + 1) * share]]);
  });
  return parts.length === 1 ? parts[0]! : concat(parts, 3);
}
