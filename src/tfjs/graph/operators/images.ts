import { elu } from '../../../graph/functions/activations.ts';
import { batchNormEval, localResponseNorm } from '../../../graph/functions/conv.ts';
import { add, leakyRelu, relu, relu6, sigmoid, tanh } from '../../../graph/functions/elementwise.ts';
import { pad, permute } from '../../../graph/functions/shape.ts';
import type { Tensor } from '../../../graph/tensor.ts';
import { expectRank } from '../../../shape.ts';
import { sloped } from '../../activations.ts';
import { resizedBilinear, resizedNearest } from '../../resize.ts';
import {
  convolved,
  deconvolved,
  depthwise,
  maxPooled,
  meanPooled,
  type Two,
  type Windows,
} from '../../windows.ts';
import type { Call, Operator, Operators, Run } from '../operator.ts';

type Convolve = (x: Tensor, weight: Tensor, bias: Tensor | undefined, windows: Windows) => Tensor;

/** Channels of x over those of the weight are its groups. */
const grouped: Convolve = (x, weight, bias, windows) => {
  const [own = 1, taken = 1] = [x.shape[3], weight.shape[2]];
  return convolved(x, weight, bias, windows, taken > 0 && own % taken === 0 ? own / taken : 1);
};

/** What is fused behind an operation: bias and activation. `compute` takes the bias. */
export function fused(call: Call, compute: (bias: Tensor | undefined) => Tensor): Tensor {
  const names = call.attrs.strings('fused_ops');
  const [first, second, ...others] = names;
  if ((first !== undefined && first !== 'BiasAdd') || others.length > 0) {
    call.refuse(`fused_ops [${names.map((name) => JSON.stringify(name.slice(0, 40)))}] is not supported`);
  }
  const y = compute(first === undefined ? undefined : call.input(2));
  const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
    Elu: (x) => elu(x),
    LeakyRelu: (x) => leakyRelu(x, call.attrs.float('leakyrelu_alpha', 0.2)),
    Prelu: (x) => sloped(x, call.input(3)),
    Relu: relu,
    Relu6: relu6,
    Sigmoid: sigmoid,
    Tanh: tanh,
  };
  if (second === undefined) return y;
  if (!Object.hasOwn(activations, second))
    call.refuse(`fused_ops ${JSON.stringify(second.slice(0, 40))} is not supported`);
  return activations[second]!(y);
}

/** A bias of one number for each channel goes into the convolution; another is added. */
const biased = (call: Call, convolve: Convolve): Tensor =>
  fused(call, (bias) => {
    const [x, weight, windows] = [call.input(0), call.input(1), call.windows()];
    if (bias && bias.shape.length !== 1) return add(convolve(x, weight, undefined, windows), bias);
    return convolve(x, weight, bias, windows);
  });

const batchNorm: Operator = {
  statistics: [3, 4],
  run(call) {
    call.expectChannelsLast();
    const [x, weight, bias] = [call.input(0), call.input(1), call.input(2)];
    if (call.attrs.flag('is_training'))
      call.refuse('is_training is not supported; freeze the model before converting it');
    const eps = call.attrs.float('epsilon', 1e-4);
    return batchNormEval(x, { weight, bias, runningMean: call.input(3), runningVar: call.input(4) }, eps);
  },
};

const resize = (compute: typeof resizedBilinear): Operator => ({
  known: [1],
  run(call) {
    const [height, width] = call.numbers(1);
    const { attrs } = call;
    const positions = {
      alignCorners: attrs.flag('align_corners'),
      halfPixelCenters: attrs.flag('half_pixel_centers'),
    };
    return compute(call.input(0), [height ?? 0, width ?? 0], positions);
  },
});

function imageSize(x: Tensor): readonly [number, number, number, number] {
  expectRank('tfjs', 'x', x, 4, '[N,H,W,C]');
  return x.shape as readonly number[] as readonly [number, number, number, number];
}

/** Blocks and paddings of SpaceToBatchND and BatchToSpaceND, along height and width. */
function blocks(call: Call): { block: Two; sides: readonly [Two, Two] } {
  const [bh, bw, ...more] = call.numbers(1);
  const [top, bottom, left, right] = call.numbers(2);
  if (bh === undefined || bw === undefined || more.length > 0) {
    return call.refuse(`of ${call.numbers(1).length} dimensions is not supported; two are`);
  }
  if (right === undefined) return call.damaged('paddings are not pairs for two dimensions');
  return {
    block: [bh, bw],
    sides: [
      [top!, bottom!],
      [left!, right],
    ],
  };
}

const poolingOf =
  (pool: typeof maxPooled): Run =>
  (call) =>
    pool(call.input(0), call.kernel(), call.windows());

/** Convolutions, pooling, batch norm, resizing, pixels and channels. */
export const images: Operators = {
  AvgPool: poolingOf(meanPooled),
  BatchToSpaceND: {
    known: [1, 2],
    run(call) {
      const { block, sides } = blocks(call);
      const [N, H, W, C] = imageSize(call.input(0));
      const [bh, bw] = block;
      const parts = call.input(0).reshape([bh, bw, N / (bh * bw), H, W, C]);
      const whole = permute(parts, [2, 3, 0, 4, 1, 5]).reshape([N / (bh * bw), H * bh, W * bw, C]);
      const [rows, columns] = sides;
      return pad(whole, [
        [0, 0],
        [-rows[0], -rows[1]],
        [-columns[0], -columns[1]],
        [0, 0],
      ]);
    },
  },
  Conv2D: (call) => grouped(call.input(0), call.input(1), undefined, call.windows()),
  Conv2DBackpropInput: {
    known: [0],
    run(call) {
      const [, height, width] = call.numbers(0);
      return deconvolved(call.input(2), call.input(1), undefined, call.windows(), [height ?? 0, width ?? 0]);
    },
  },
  DepthToSpace(call) {
    call.expectChannelsLast();
    const [N, H, W, C] = imageSize(call.input(0));
    const r = call.attrs.int('block_size');
    const depth = C / (r * r);
    const parts = call.input(0).reshape([N, H, W, r, r, depth]);
    return permute(parts, [0, 1, 3, 2, 4, 5]).reshape([N, H * r, W * r, depth]);
  },
  DepthwiseConv2dNative: (call) => depthwise(call.input(0), call.input(1), undefined, call.windows()),
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
  FusedDepthwiseConv2dNative: (call) => biased(call, depthwise),
  LRN(call) {
    const { attrs } = call;
    const size = 2 * attrs.int('depth_radius', 5) + 1;
    // PyTorch's alpha is of the mean, TensorFlow's of the sum.
    const alpha = attrs.float('alpha', 1) * size;
    return localResponseNorm(call.input(0), size, {
      alpha,
      beta: attrs.float('beta', 0.5),
      k: attrs.float('bias', 1),
    });
  },
  MaxPool: poolingOf(maxPooled),
  ResizeBilinear: resize(resizedBilinear),
  ResizeNearestNeighbor: resize(resizedNearest),
  SpaceToBatchND: {
    known: [1, 2],
    run(call) {
      const { block, sides } = blocks(call);
      const x = pad(call.input(0), [[0, 0], ...sides, [0, 0]]);
      const [N, H, W, C] = imageSize(x);
      const [bh, bw] = block;
      const parts = x.reshape([N, H / bh, bh, W / bw, bw, C]);
      return permute(parts, [2, 4, 0, 1, 3, 5]).reshape([N * bh * bw, H / bh, W / bw, C]);
    },
  },
  SpaceToDepth(call) {
    call.expectChannelsLast();
    const [N, H, W, C] = imageSize(call.input(0));
    const r = call.attrs.int('block_size');
    const parts = call.input(0).reshape([N, H / r, r, W / r, r, C]);
    return permute(parts, [0, 1, 3, 2, 4, 5]).reshape([N, H / r, W / r, C * r * r]);
  },
  _FusedConv2D: (call) => biased(call, grouped),
};
