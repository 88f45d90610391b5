import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoveaError, ShapeError, UsageError } from '../../src/errors.ts';
import { backward, grad } from '../../src/graph/backward.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { conv2d } from '../../src/graph/functions/conv.ts';
import * as c from '../../src/graph/functions/creation.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { crossEntropy, mseLoss } from '../../src/graph/functions/losses.ts';
import { argmax, matmul, mean, norm, softmax, sum } from '../../src/graph/functions/reduce.ts';
import { cast, detach, reshape } from '../../src/graph/functions/shape.ts';
import { full, type Tensor, tensor, zeros } from '../../src/graph/tensor.ts';
import type { TensorOptions } from '../../src/graph/tensorOptions.ts';
import { noGrad } from '../../src/graph/tracking.ts';
import { Linear } from '../../src/nn/layers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { values } from '../plan/graphs.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const leaf = (data: readonly number[], shape?: readonly number[]): Tensor =>
  tensor(data, shape, { requiresGrad: true });
const list = (data: ArrayLike<number>): number[] => Array.from(data);
const close = (got: ArrayLike<number>, want: readonly number[], digits = 5) => {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => {
    expect(got[i]).toBeCloseTo(value, digits);
  });
};

describe('a tensor requires a gradient', () => {
  it('where it is made so, by each function that makes tensors', () => {
    const wanted: TensorOptions = { requiresGrad: true };
    const made = [
      tensor([1, 2], [2], wanted),
      zeros([2], wanted),
      full([2], 3, { ...wanted, dtype: 'f16' }),
      c.ones([2], wanted),
      c.zerosLike(tensor([1]), wanted),
      c.onesLike(tensor([1]), wanted),
      c.arange(3, wanted),
      c.eye(2, 2, wanted),
    ];
    for (const x of made) {
      expect(x.requiresGrad).toBe(true);
      expect(e.mul(x, 2).requiresGrad).toBe(true);
    }
    expect(made.map(({ dtype }) => dtype)).toEqual(['f32', 'f32', 'f16', 'f32', 'f32', 'f32', 'f32', 'f32']);
    expect([tensor([1]), zeros([1], 'f16'), c.ones([1], {})].some((x) => x.requiresGrad)).toBe(false);
    expect(zeros([1], { dtype: 'i32' }).dtype).toBe('i32');
  });

  it('where it is detached for that, and no gradient goes on from there', async () => {
    // Steps down x², as adversarial images are made: each begins at the value that the last one reached.
    let x = leaf([8, -4]);
    for (let i = 0; i < 3; i++) {
      const [dx] = grad(sum(e.square(x)), x);
      x = detach(e.sub(x, e.mul(dx, 0.25)), { requiresGrad: true });
    }
    close(await x.data(), [1, -0.5]);
    const before = leaf([3]);
    const cut = detach(e.square(before), { requiresGrad: true });
    const seen = cut.reshape([1, 1]);
    const loss = sum(e.mul(seen, seen));
    close(await grad(loss, cut)[0].data(), [18]);
    expect(() => grad(loss, before)).toThrow('takes no part');
    await gpu.run(() => {
      backward(sum(e.mul(seen, seen)));
      expect(before.grad).toBeUndefined();
      return { dx: cut.grad! };
    });
    expect(() => detach(tensor([1], [1], 'i32'), { requiresGrad: true })).toThrow(ShapeError);
    expect(() => detach(x, { requireGrad: true } as never)).toThrow('did you mean requiresGrad?');
    const four = tensor as (...given: unknown[]) => Tensor;
    expect(() => four([1], [1], 'f32', { requiresGrad: true })).toThrow(
      'give { dtype, requiresGrad } together',
    );
  });

  it('never where it is of integers, or of options that there are not', () => {
    for (const make of [
      () => tensor([1], [1], { dtype: 'i32', requiresGrad: true }),
      () => tensor(Uint32Array.of(1), [1], { requiresGrad: true }),
      () => zeros([1], { dtype: 'u32', requiresGrad: true }),
    ]) {
      expect(make).toThrow(ShapeError);
      expect(make).toThrow('only f32 and f16 have gradients');
    }
    const misspelled = () => tensor([1], [1], { requires_grad: true } as TensorOptions);
    expect(misspelled).toThrow(UsageError);
    expect(misspelled).toThrow('got [requires_grad]; did you mean requiresGrad?');
    expect(() => c.arange(3, { steps: 2 } as TensorOptions)).toThrow('got [steps]; did you mean step?');
  });

  it('not behind detach, nor where it is computed in noGrad', () => {
    const x = leaf([1, 2]);
    expect(detach(x).requiresGrad).toBe(false);
    expect(x.detach().requiresGrad).toBe(false);
    const inside = noGrad(() => [e.mul(x, x), reshape(x, [2, 1]), leaf([3]), x] as const);
    expect(inside.map(({ requiresGrad }) => requiresGrad)).toEqual([false, false, true, true]);
    expect(() =>
      noGrad(() => {
        throw new Error('a mistake of the user’s');
      }),
    ).toThrow('a mistake');
    noGrad(() => noGrad(() => x));
    expect(e.neg(x).requiresGrad).toBe(true);
    expect(() => noGrad(async () => x)).toThrow(FoveaError);
    expect(() => noGrad(async () => x)).toThrow('noGrad: the function is async');
  });
});

describe('grad', () => {
  it('takes roots and targets with or without brackets, and gives a list', async () => {
    const [x, y] = [leaf([1, 2, 3]), leaf([4, 5, 6])];
    const loss = sum(e.mul(x, y));
    const [dx] = grad(loss, x);
    const both = grad([loss, sum(x)], [x, y]);
    expect(both.length).toBe(2);
    expect((await gpu.read(dx, ...both)).map(list)).toEqual([
      [4, 5, 6],
      [5, 6, 7],
      [1, 2, 3],
    ]);
    const [weighted] = grad(e.mul(x, y), x, tensor([1, 0, -1]));
    expect(list(await weighted.data(gpu))).toEqual([4, 0, -6]);
    expect(x.grad).toBeUndefined();
  });

  it('has PyTorch’s values', async () => {
    const logits = leaf([1, 2, 3], [1, 3]);
    const [dlogits] = grad(crossEntropy(logits, tensor(Int32Array.of(2), [1])), logits);
    close(await dlogits.data(gpu), [0.09003057, 0.24472848, -0.33475903], 6);
    const x = leaf([1, 2, 3]);
    const [first] = grad(sum(e.pow(x, 3)), x);
    const [second] = grad(sum(first), x);
    expect((await gpu.read(first, second)).map((got) => list(got).map(Math.round))).toEqual([
      [3, 12, 27],
      [6, 12, 18],
    ]);
    // A gradient penalty, (|d y / d x| - 1)², by the weights: torch 2: w = [3, 4], x = [1, 2], y = sum(w x²).
    const [w, at] = [leaf([3, 4]), leaf([1, 2])];
    const [slope] = grad(sum(e.mul(w, e.square(at))), at);
    const penalty = e.square(e.sub(norm(slope), 1));
    // slope = [6, 16], |slope| = sqrt(292); d / d w = 2 (|slope| - 1) slope 2 x / |slope|.
    const [dw] = grad(penalty, w);
    const length = Math.sqrt(292);
    close(await dw.data(gpu), [(24 * (length - 1)) / length, (128 * (length - 1)) / length], 3);
  });

  it('is that of an intermediate, of a view and of the root itself', async () => {
    const x = leaf([1, 2, 3, 4], [2, 2]);
    const middle = e.mul(x, 3);
    const flat = middle.reshape([4]);
    const loss = sum(e.square(flat));
    const grads = grad(loss, [middle, flat, loss, x]);
    expect((await gpu.read(...grads)).map(list)).toEqual([
      [6, 12, 18, 24],
      [6, 12, 18, 24],
      [1],
      [18, 36, 54, 72],
    ]);
    expect(grads.map(({ shape }) => shape)).toEqual([[2, 2], [4], [], [2, 2]]);
  });

  it('has zeros where the roots follow a target by steps only', async () => {
    const x = leaf([1.5, -2.5]);
    const [dx] = grad(sum(e.floor(x)), x);
    expect(list(await dx.data(gpu))).toEqual([0, 0]);
  });

  it('throws for targets without a gradient, and names them', () => {
    const x = leaf([1, 2]);
    const loss = sum(x);
    const thrown = (targets: unknown) => () => grad(loss, targets as Tensor);
    expect(thrown(tensor([1, 2]))).toThrow(UsageError);
    expect(thrown(tensor([1, 2]))).toThrow(
      'grad: target 0, Tensor [2] f32 (constant), requires no gradient; make it, or what it is computed from, with tensor(values, shape, { requiresGrad: true })',
    );
    expect(thrown([x, x.detach()])).toThrow('grad: target 1, Tensor [2] f32 (view), requires no gradient');
    expect(thrown(argmax(x))).toThrow('only f32 and f16 have gradients: cast it before');
    expect(thrown(cast(x, 'i32'))).toThrow(UsageError);
    expect(thrown([x, undefined])).toThrow('grad: target 1 is no tensor');
    expect(thrown(leaf([5]))).toThrow(UsageError);
    expect(thrown(leaf([5]))).toThrow(
      'grad: target 0, Tensor [1] f32 (constant, requires grad), takes no part in what is differentiated',
    );
    expect(thrown(e.mul(x, 2))).toThrow('takes no part');
    expect(() => grad(x, x)).toThrow(ShapeError);
    expect(() => grad(x, x, tensor([1]))).toThrow('cotangent [1] for [2]');
    expect(() => grad(sum(e.silu(x)), x)).not.toThrow();
    const [slope] = grad(sum(e.silu(x)), x);
    expect(() => grad(sum(slope), x)).toThrow(FoveaError);
    expect(() => grad(sum(slope), x)).toThrow('silu: its gradient by x is not differentiable by x');
  });

  it('works in gpu.run and gpu.capture: by inputs, intermediates, parameters and tensors from outside', async () => {
    const layer = new Linear(3, 2);
    const [weight, bias] = layer.parameters().map((parameter) => parameter.tensor);
    const outside = leaf([1, -1]);
    const data = values('x', [4, 3]);
    const graph = (x: Tensor) => {
      const y = layer.forward(x);
      const loss = sum(e.square(e.mul(y, outside)));
      const [dx, dy, dw, db, doutside] = grad(loss, [x, y, weight!, bias!, outside]);
      return { dx, dy, dw, db, doutside };
    };
    const x = tensor(data, [4, 3], { requiresGrad: true });
    const want = evaluate(Object.values(graph(x)));
    const step = gpu.capture((input) => graph(input!));
    const run = await step(x);
    const captured = await Promise.all(Object.values(run).map((result) => result.data()));
    const ran = Object.values(await gpu.run(() => graph(x)));
    const eager = await Promise.all(Object.values(graph(x)).map((value) => value.data(gpu)));
    want.forEach((expected, i) => {
      for (const got of [captured, ran, eager]) close(got[i]!, list(expected), 4);
    });
    // An input that requires none is another signature.
    await expect(step(tensor(data, [4, 3]))).rejects.toThrow(
      'grad: target 0, Tensor [4,3] f32 (input 0), requires no gradient',
    );
    step.dispose();
  });

  it('makes an adversarial image: one step by the sign of the gradient raises the loss', async () => {
    const layer = new Linear(8, 3);
    const target = tensor(Int32Array.of(1, 2), [2]);
    const attack = gpu.capture((image) => {
      const lossOf = (x: Tensor) => crossEntropy(layer.forward(x), target);
      const loss = lossOf(image!);
      const [direction] = grad(loss, image!);
      const attacked = noGrad(() => lossOf(e.add(image!, e.mul(e.sign(direction), 0.1))));
      return { loss, attacked };
    });
    const { loss, attacked } = await attack(tensor(values('image', [2, 8]), [2, 8], { requiresGrad: true }));
    expect(await attacked.item()).toBeGreaterThan((await loss.item()) + 0.01);
    attack.dispose();
  });
});

describe('backward', () => {
  it('adds to grad of leaves, in eager use as in PyTorch', async () => {
    const x = leaf([1, 2]);
    const y = e.square(x);
    backward(sum(y));
    expect(list(await x.grad!.data(gpu))).toEqual([2, 4]);
    backward(sum(e.mul(x, 10)));
    expect(list(await x.grad!.data(gpu))).toEqual([12, 14]);
    expect(y.grad).toBeUndefined();
  });

  it('throws where there is nothing to be learned', () => {
    expect(() => backward(sum(tensor([1, 2])))).toThrow(UsageError);
    expect(() => backward(noGrad(() => sum(leaf([1]))))).toThrow(
      'backward: nothing that Tensor [] f32 (sum.y) is computed from requires a gradient',
    );
  });
});

/** d² sum(weights · f) / dx² · 1 by central differences of the first gradient, against the graph's. */
function expectSecond(f: (x: Tensor) => Tensor, at: readonly number[], shape?: readonly number[]): void {
  const x = leaf(at, shape);
  const y = f(x);
  const weights = tensor(values('weights', y.shape), y.shape);
  const [first] = grad(sum(e.mul(y, weights)), x);
  const direction = tensor(values('direction', x.shape), x.shape);
  const [second] = grad(sum(e.mul(first, direction)), x);
  const [got] = evaluate([second]);
  const center = Float64Array.from(at);
  const along = () => {
    const [slopes] = evaluate([first], new Map([[x, center]]));
    const towards = evaluate([direction])[0]!;
    return list(slopes!).reduce((total, slope, i) => total + slope * towards[i]!, 0);
  };
  at.forEach((value, i) => {
    const step = 1e-4;
    center[i] = value + step;
    const above = along();
    center[i] = value - step;
    const below = along();
    center[i] = value;
    const want = (above - below) / (2 * step);
    expect(Math.abs(got![i]! - want)).toBeLessThan(1e-5 * (1 + Math.abs(want)));
  });
}

describe('second derivatives agree with finite differences', () => {
  const points = [0.3, 1.7, -0.8, 2.2];
  const positive = [0.3, 1.7, 0.8, 2.2];
  it.each([
    ['sigmoid', e.sigmoid, points],
    ['tanh', e.tanh, points],
    ['softplus', e.softplus, points],
    ['relu of a square', (x: Tensor) => e.relu(e.square(x)), points],
    ['sin', e.sin, points],
    ['cos', e.cos, points],
    ['tan', e.tan, [0.3, 0.7, -0.8, 1.2]],
    ['atan', e.atan, points],
    ['exp', e.exp, points],
    ['expm1', e.expm1, points],
    ['log', e.log, positive],
    ['log1p', e.log1p, positive],
    ['erf', e.erf, points],
    ['sqrt', e.sqrt, positive],
    ['rsqrt', e.rsqrt, positive],
    ['pow', (x: Tensor) => e.pow(x, 3), points],
    ['pow by a fraction', (x: Tensor) => e.pow(x, 1.5), positive],
    ['reciprocal', e.reciprocal, points],
    ['a quotient', (x: Tensor) => e.div(e.square(x), e.add(x, 3)), points],
    ['a product with itself', (x: Tensor) => e.mul(e.mul(x, x), x), points],
    [
      'broadcasting',
      (x: Tensor) =>
        e.mul(e.mul(x.reshape([2, 2]), sum(x.reshape([2, 2]), { dim: 0 })), x.reshape([4, 1, 1])),
      points,
    ],
    ['mseLoss', (x: Tensor) => mseLoss(e.square(x), e.mul(x, 2)), points],
    ['a norm', (x: Tensor) => norm(x.reshape([2, 2]), { dim: 1 }), points],
    ['matmul', (x: Tensor) => matmul(x.reshape([2, 2]), e.exp(x.reshape([2, 2]))), points],
    [
      'conv2d',
      (x: Tensor) =>
        conv2d(e.square(x.reshape([1, 2, 2, 1])), x.reshape([2, 2, 1, 1]), undefined, { padding: 1 }),
      points,
    ],
  ] as const)('%s', (_name, f, at) => expectSecond(f, at));

  it('where a value meets the gradient twice, and under abs, clamp and maximum', () => {
    expectSecond((x) => e.add(e.mul(e.abs(x), x), e.maximum(e.square(x), e.mul(x, 0.5))), points);
    expectSecond((x) => e.mul(e.clamp(x, -1, 2), e.square(x)), points);
    expectSecond((x) => mean(e.mul(x, x)), points);
  });

  it('on the GPU as by the references', async () => {
    const x = leaf(list(values('at', [6])), [2, 3]);
    const [first] = grad(sum(e.mul(e.tanh(x), e.exp(x))), x);
    const [second] = grad(sum(e.square(first)), x);
    close(await second.data(gpu), list(evaluate([second])[0]!), 4);
  });

  it('are refused where an operation has none', () => {
    const x = leaf(points, [2, 2]);
    const [first] = grad(sum(e.square(softmax(x))), x);
    expect(() => grad(sum(first), x)).toThrow(FoveaError);
  });
});
