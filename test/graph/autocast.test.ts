import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceLimitError, FoveaError, UsageError } from '../../src/errors.ts';
import { autocast } from '../../src/graph/autocast.ts';
import { backward, grad } from '../../src/graph/backward.ts';
import { checkpoint } from '../../src/graph/checkpoint.ts';
import { prelu } from '../../src/graph/functions/activations.ts';
import { scaledDotProductAttention } from '../../src/graph/functions/attention.ts';
import { boxDecode, nms, roiAlign } from '../../src/graph/functions/boxes.ts';
import * as conv from '../../src/graph/functions/conv.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import * as losses from '../../src/graph/functions/losses.ts';
import * as reduce from '../../src/graph/functions/reduce.ts';
import { cast, concat, slice, stack } from '../../src/graph/functions/shape.ts';
import { record } from '../../src/graph/recorder.ts';
import { baseOf, type Node, nodeOf, type Tensor, tensor } from '../../src/graph/tensor.ts';
import { noGrad } from '../../src/graph/tracking.ts';
import { GradScaler } from '../../src/nn/gradScaler.ts';
import { Parameter } from '../../src/nn/module.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { values } from '../plan/graphs.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

const random = (name: string, shape: readonly number[], dtype: 'f32' | 'f16' = 'f32', scale = 0.5): Tensor =>
  tensor(values(name, shape, scale), shape, { dtype, requiresGrad: true });
const weightOf = (name: string, shape: readonly number[], scale = 0.5): Parameter =>
  new Parameter(shape, values(name, shape, scale));

/** All operations that a tensor is computed from. */
function nodesOf(...roots: Tensor[]): Node[] {
  const found = new Set<Node>();
  const visit = (value: Tensor) => {
    const node = nodeOf(baseOf(value));
    if (!node || found.has(node)) return;
    found.add(node);
    for (const input of Object.values(node.inputs)) visit(input);
  };
  for (const root of roots) visit(root);
  return [...found];
}

/** Where the adapter lacks shader-f16 the same graph is refused, and the message says what to do. */
async function onDevice(tensors: readonly Tensor[], check: (got: number[][]) => void): Promise<void> {
  const read = gpu.read(...tensors);
  if (gpu.device.caps.f16) return check((await read).map((array) => [...array]));
  await expect(read).rejects.toThrow(DeviceLimitError);
  await expect(read).rejects.toThrow(/needs shader-f16, which the device lacks \(SwiftShader.*lavapipe/);
}

const boxes = tensor([0, 0, 8, 8, 4, 4, 12, 12], [2, 4], 'f16');
const rois = tensor([0, 0, 0, 8, 8], [1, 5], 'f16');
const image = (dtype: 'f32' | 'f16' = 'f32') => random('image', [1, 8, 8, 4], dtype);
const half = () => random('rows', [6, 4], 'f16');

describe('the type of', () => {
  const kernel = random('kernel', [3, 3, 4, 4]);
  const square = random('square', [4, 4]);
  const perChannel = { weight: random('w', [4]), bias: random('b', [4]) };
  it.each<[string, 'f16' | 'f32', () => Tensor]>([
    ['conv2d', 'f16', () => conv.conv2d(image(), kernel, perChannel.bias)],
    ['conv1d', 'f16', () => conv.conv1d(random('line', [1, 9, 4]), random('line kernel', [3, 4, 2]))],
    ['convTranspose2d', 'f16', () => conv.convTranspose2d(image(), kernel)],
    ['linear', 'f16', () => reduce.linear(image(), square)],
    ['matmul', 'f16', () => reduce.matmul(square, square)],
    ['scaledDotProductAttention', 'f16', () => scaledDotProductAttention(square, square, square)],
    ['relu of f16', 'f16', () => e.relu(half())],
    ['prelu of f16', 'f16', () => prelu(half(), perChannel.weight)],
    ['relu of f32', 'f32', () => e.relu(image())],
    ['maxPool2d of f16', 'f16', () => conv.maxPool2d(image('f16'), 2)],
    ['interpolate of f16', 'f16', () => conv.interpolate(image('f16'), { scaleFactor: 2, mode: 'bilinear' })],
    ['add of f16', 'f16', () => e.add(half(), half())],
    ['add of both', 'f32', () => e.add(half(), random('rows', [6, 4]))],
    ['concat of f16', 'f16', () => concat([half(), half()], 0)],
    ['concat of both', 'f32', () => concat([half(), random('rows', [6, 4])], 0)],
    ['stack of both', 'f32', () => stack([half(), random('rows', [6, 4])], 0)],
    ['groupNorm of f16', 'f16', () => conv.groupNorm(image('f16'), 2, perChannel)],
    ['layerNorm of f16', 'f16', () => conv.layerNorm(image('f16'), 4, perChannel)],
    [
      'batchNormTrain of f16',
      'f16',
      () =>
        conv.batchNormTrain(image('f16'), {
          ...perChannel,
          runningMean: perChannel.bias,
          runningVar: perChannel.weight,
        }).y,
    ],
    [
      'batchNormEval of f16',
      'f16',
      () =>
        conv.batchNormEval(image('f16'), {
          ...perChannel,
          runningMean: perChannel.bias,
          runningVar: perChannel.weight,
        }),
    ],
    ['roiAlign of f16', 'f16', () => roiAlign(image('f16'), rois, { outputSize: 2 })],
    ['exp of f16', 'f32', () => e.exp(half())],
    ['log of f16', 'f32', () => e.log(half())],
    ['softmax of f16', 'f32', () => reduce.softmax(half())],
    ['logSoftmax of f16', 'f32', () => reduce.logSoftmax(half())],
    [
      'batchNorm statistics of f16',
      'f32',
      () =>
        conv.batchNormTrain(image('f16'), {
          ...perChannel,
          runningMean: perChannel.bias,
          runningVar: perChannel.weight,
        }).runningVar,
    ],
    ['sum of f16', 'f32', () => reduce.sum(half())],
    ['prod of f16', 'f32', () => reduce.prod(half())],
    ['cdist of f16', 'f32', () => reduce.cdist(half(), half())],
    ['crossEntropy of f16', 'f32', () => losses.crossEntropy(half(), tensor(new Int32Array(6)))],
    ['mseLoss of f16', 'f32', () => losses.mseLoss(half(), half())],
    ['sigmoidFocalLoss of f16', 'f32', () => losses.sigmoidFocalLoss(half(), half())],
    ['boxDecode of f16', 'f32', () => boxDecode(boxes, boxes)],
  ])('%s is %s', (_name, dtype, make) => {
    expect(autocast(make).dtype).toBe(dtype);
  });

  it('boxes and scores in nms is f32', () => {
    const { indices } = autocast(() => nms(boxes, tensor([0.5, 0.25], [2], 'f16'), { iouThreshold: 0.5 }));
    const { inputs } = nodesOf(indices).find(({ op }) => op === 'nms')!;
    expect(Object.values(inputs).filter(({ dtype }) => dtype === 'f16')).toEqual([]);
  });

  it('integers and what is computed outside stays', () => {
    const indices = tensor(Int32Array.of(1, 2));
    expect(autocast(() => e.add(indices, 1)).dtype).toBe('i32');
    autocast(() => reduce.matmul(square, square));
    expect(reduce.matmul(square, square).dtype).toBe('f32');
  });

  it('an inner autocast counts', () => {
    const run = () => reduce.matmul(square, square).dtype;
    const inner = autocast(() => [autocast({ enabled: false }, run), run(), autocast({ dtype: 'f16' }, run)]);
    expect(inner).toEqual(['f32', 'f16', 'f16']);
  });

  it('what follows a function that throws is as before', () => {
    expect(() => autocast(() => conv.conv2d(image(), square))).toThrow();
    expect(reduce.matmul(square, square).dtype).toBe('f32');
  });
});

describe('autocast refuses', () => {
  it.each<[string, () => unknown, RegExp, new (message: string) => Error]>([
    [
      'another dtype',
      () => autocast({ dtype: 'bf16' as 'f16' }, () => 1),
      /autocast: no dtype bf16; choose f16/,
      UsageError,
    ],
    [
      'an unknown option',
      () => autocast({ type: 'f16' } as object, () => 1),
      /autocast: .*\[type\]/,
      UsageError,
    ],
    ['no function', () => autocast(3 as never), /autocast: takes a function, got 3/, UsageError],
    ['an async function', () => autocast(async () => 1), /autocast: the function is async/, FoveaError],
  ])('%s', (_name, call, message, Failure) => {
    expect(call).toThrow(message);
    expect(call).toThrow(Failure);
  });
});

describe('weights', () => {
  const castsOf = (...roots: Tensor[]) => nodesOf(...roots).filter(({ op }) => op === 'cast');

  it('are cast once for all uses, and once more for the backward pass', () => {
    const weight = weightOf('shared', [4, 4]);
    const x = random('rows', [6, 4], 'f16');
    const y = autocast(() =>
      reduce.linear(reduce.linear(reduce.linear(x, weight.tensor), weight.tensor), weight.tensor),
    );
    expect(castsOf(y)).toHaveLength(1);
    const [dw, dx] = grad(reduce.sum(cast(y, 'f32')), [weight.tensor, x]);
    expect([dw!.dtype, dx!.dtype]).toEqual(['f32', 'f16']);
    // The loss, its gradient, the weight in each pass, and the gradient of the weight.
    expect(castsOf(dw!, dx!).filter(({ inputs }) => inputs.x!.origin.kind === 'state')).toHaveLength(2);
  });

  it('cast without gradients are cast again where there are some', () => {
    const weight = weightOf('shared', [4, 4]);
    const y = autocast(() => {
      noGrad(() => reduce.linear(half(), weight.tensor));
      return reduce.linear(half(), weight.tensor);
    });
    expect(y.requiresGrad).toBe(true);
    expect(grad(reduce.sum(y), weight.tensor)[0].dtype).toBe('f32');
  });

  it('what was cast to f32 is not cast back', () => {
    const x = half();
    const y = autocast(() => reduce.matmul(cast(x, 'f32'), cast(x.reshape([4, 6]), 'f32')));
    expect(castsOf(y)).toEqual([]);
  });
});

describe('gradients', () => {
  const network = () => {
    const weights = {
      first: weightOf('first', [3, 3, 3, 8]),
      scale: weightOf('scale', [8], 1),
      shift: weightOf('shift', [8], 1),
      second: weightOf('second', [3, 3, 8, 8], 0.2),
      up: weightOf('up', [2, 2, 8, 8], 0.2),
      slope: weightOf('slope', [8]),
      qkv: weightOf('qkv', [8, 24], 0.3),
      head: weightOf('head', [8, 5]),
      bias: weightOf('bias', [5]),
    };
    const t = Object.fromEntries(
      Object.entries(weights).map(([name, { tensor }]) => [name, tensor]),
    ) as Record<keyof typeof weights, Tensor>;
    const x = tensor(values('input', [2, 12, 12, 3], 1), [2, 12, 12, 3]);
    const labels = tensor(
      Int32Array.from({ length: 2 * 144 }, (_, i) => (i * 7) % 5),
      [2, 12, 12],
    );
    const inner = (h: Tensor) => e.add(h, e.silu(conv.conv2d(h, t.second, undefined, { padding: 1 })));
    const forward = (around = (h: Tensor) => inner(h)) => {
      const normed = conv.groupNorm(conv.conv2d(x, t.first, undefined, { padding: 1 }), 2, {
        weight: t.scale,
        bias: t.shift,
      });
      const down = conv.maxPool2d(around(prelu(normed, t.slope)), 2);
      const tokens = down.reshape([2, 36, 8]);
      const parts = reduce.linear(tokens, t.qkv);
      const [q, k, v] = [0, 1, 2].map((i) => slice(parts, [[], [], [8 * i, 8 * i + 8]]));
      const attended = e.add(tokens, scaledDotProductAttention(q!, k!, v!)).reshape([2, 6, 6, 8]);
      const up = conv.convTranspose2d(attended, t.up, undefined, { stride: 2 });
      const logits = reduce.linear(concat([up, normed], 3), concat([t.head, t.head], 0), t.bias);
      return losses.crossEntropy(logits, labels);
    };
    return { parameters: Object.values(weights), forward, inner };
  };
  const scale = 1024;
  const gradientsOf = (loss: Tensor, parameters: readonly Parameter[]) =>
    grad(
      e.mul(loss, scale),
      parameters.map((p) => p.tensor),
    );

  /**
   * What a detector consists of: batch norm, a sum of two levels, a head with group norm and a prior of 0.01, focal loss. Without
   * ReLU and L1 loss: their gradients jump, so that a value that is rounded to the other side of 0 changes them by far more.
   */
  const detector = () => {
    const shapes: Readonly<Record<string, readonly number[]>> = {
      ...{
        stem: [3, 3, 3, 8],
        down: [3, 3, 8, 8],
        upper: [1, 1, 8, 8],
        lower: [1, 1, 8, 8],
        head: [3, 3, 8, 8],
      },
      ...{ logits: [3, 3, 8, 2], deltas: [3, 3, 8, 4] },
      ...Object.fromEntries(
        ['n1', 'n2', 'n3'].flatMap((n) => [
          [`${n} scale`, [8]],
          [`${n} shift`, [8]],
        ]),
      ),
    };
    const weights = Object.entries(shapes).map(
      ([name, shape]) => [name, weightOf(name, shape, 0.3)] as const,
    );
    const prior = new Parameter([2], [-4.6, -4.6]);
    const t = Object.fromEntries(weights.map(([name, { tensor }]) => [name, tensor]));
    const x = tensor(values('input', [2, 16, 16, 3], 1), [2, 16, 16, 3]);
    const target = tensor(
      Float32Array.from({ length: 1024 }, (_, i) => Number(i % 50 === 0)),
      [2, 16, 16, 2],
    );
    const goal = tensor(values('goal', [2, 16, 16, 4], 1), [2, 16, 16, 4]);
    const zero = tensor(new Float32Array(8));
    const norm = (name: string) => ({ weight: e.add(t[`${name} scale`]!, 1), bias: t[`${name} shift`]! });
    const block = (h: Tensor, weight: Tensor, name: string, stride: number) => {
      const y = conv.conv2d(h, weight, undefined, { stride, padding: 1 });
      const running = { runningMean: zero, runningVar: zero };
      return e.silu(conv.batchNormTrain(y, { ...norm(name), ...running }).y);
    };
    const forward = () => {
      const fine = block(x, t.stem!, 'n1', 1);
      const coarse = conv.conv2d(block(fine, t.down!, 'n2', 2), t.upper!);
      const level = e.add(conv.conv2d(fine, t.lower!), conv.interpolate(coarse, { scaleFactor: 2 }));
      const inner = conv.conv2d(level, t.head!, undefined, { padding: 1 });
      const h = e.silu(conv.groupNorm(inner, 2, norm('n3')));
      const logits = conv.conv2d(h, t.logits!, prior.tensor, { padding: 1 });
      const found = conv.conv2d(h, t.deltas!, undefined, { padding: 1 });
      const focal = reduce.sum(losses.sigmoidFocalLoss(logits, target));
      return e.add(e.div(focal, 20), losses.mseLoss(found, goal));
    };
    return { parameters: [prior, ...weights.map(([, weight]) => weight)], forward };
  };

  it.each([
    ['a network', network],
    ['a detector', detector],
  ])('of %s are those of f32, within what halves round', async (_name, make) => {
    const { parameters, forward } = make();
    const loss = autocast(() => forward());
    expect(loss.dtype).toBe('f32');
    await onDevice([loss, ...gradientsOf(loss, parameters)], () => undefined);
    if (!gpu.device.caps.f16) return;
    const exact = forward();
    const [want, got] = await Promise.all([
      gpu.read(exact, ...gradientsOf(exact, parameters)),
      gpu.read(loss, ...gradientsOf(loss, parameters)),
    ]);
    want.forEach((values, i) => {
      const size = Math.hypot(...values);
      const apart = Math.hypot(...values.map((value, k) => value - got[i]![k]!));
      expect(apart / size, `tensor ${i}`).toBeLessThan(i === 0 ? 1e-3 : 1e-2);
    });
  });

  it('have the same bits each time, where backward is in autocast, and with checkpoints', async () => {
    const read = async (record_: () => Tensor[]) =>
      (await gpu.read(...record_())).map((values) => [...values]);
    const { parameters, forward, inner } = network();
    const outside = () =>
      gradientsOf(
        autocast(() => forward()),
        parameters,
      );
    const inside = () => autocast(() => gradientsOf(forward(), parameters));
    const checkpointed = () =>
      gradientsOf(
        autocast(() => forward((h) => checkpoint(inner, h))),
        parameters,
      );
    if (!gpu.device.caps.f16) return onDevice(outside(), () => undefined);
    const first = await read(outside);
    expect(await read(outside)).toEqual(first);
    expect(await read(inside)).toEqual(first);
    expect(await read(checkpointed)).toEqual(first);
  });

  it('come back to f32 parameters by backward', () => {
    const { parameters, forward } = network();
    record(() => {
      backward(autocast(() => forward()));
      for (const parameter of parameters) expect(parameter.tensor.grad!.dtype).toBe('f32');
    });
  });

  it('that overflow f16 leave the step out and halve the scale', async () => {
    if (!gpu.device.caps.f16) return;
    const weight = new Parameter([2, 1], [1, 2]);
    const optimizer = new SGD([weight], { lr: 0.5 });
    const scaler = new GradScaler();
    const step = gpu.capture((x: Tensor) => {
      backward(scaler.scale(autocast(() => reduce.sum(reduce.linear(x, weight.tensor)))));
      const { foundInf } = scaler.step(optimizer);
      scaler.update();
      return { foundInf };
    });
    const x = tensor([[0.5, 1]]);
    // 65536 is no half, 32768 is one.
    for (const [foundInf, scale, weights] of [
      [1, 32768, [1, 2]],
      [0, 32768, [0.75, 1.5]],
    ] as const) {
      expect(await (await step(x)).foundInf.item()).toBe(foundInf);
      expect(await scaler.getScale((state) => gpu.download(state))).toBe(scale);
      expect([...(await gpu.download(weight.state))]).toEqual(weights);
    }
  });
});
