import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceLimitError, FoveaError, ShapeError } from '../../src/errors.ts';
import { grad } from '../../src/graph/backward.ts';
import { conv2d, groupNorm, maxPool2d } from '../../src/graph/functions/conv.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { matmul, mean, softmax, sort, sum } from '../../src/graph/functions/reduce.ts';
import { concat, expand, permute } from '../../src/graph/functions/shape.ts';
import { assign } from '../../src/graph/recorder.ts';
import { apply, full, State, stateTensor, Tensor, tensor, zeros } from '../../src/graph/tensor.ts';
import { Gpu, openGpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { expectReference, random, values } from './graphs.ts';

let gpu: Gpu;
let plain: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ fusion: true, validate: false });
  plain = new Gpu(gpu.device, { fusion: false, validate: false });
});
afterAll(() => gpu?.dispose());

/** Fused or not, a graph has the values of its references. Returns the number of operations of each. */
async function expectBoth(...tensors: Tensor[]): Promise<[fused: number, plain: number]> {
  await expectReference(gpu, ...tensors);
  await expectReference(plain, ...tensors);
  const count = (fusion: boolean) => lower(gpu.device.caps, tensors, [], { fusion }).ops.length;
  return [count(true), count(false)];
}

const leaf = (name: string, shape: readonly number[], scale = 1): Tensor =>
  new Tensor({ shape, dtype: 'f32' }, { kind: 'constant', data: values(name, shape, scale) }, true);

/** conv, bias, relu, residual, norm, relu. */
function block(channels: number) {
  const x = leaf('x', [2, 6, 7, channels]);
  const weight = leaf('w', [3, 3, channels, channels], 0.2);
  const bias = leaf('b', [channels]);
  const [scale, shift] = [leaf('s', [channels]), leaf('t', [channels])];
  const y = e.add(e.relu(conv2d(x, weight, bias, { padding: 1 })), x);
  const z = e.relu(e.mul(groupNorm(y, 1, scale, shift), 0.5));
  return { z, leaves: [x, weight, bias, scale, shift] };
}

describe('fusion changes no value', () => {
  it.each([8, 5])('of a residual block with %i channels and its gradients', async (channels) => {
    const { z, leaves } = block(channels);
    const grads = grad([mean(e.mul(z, z))], leaves).map((g) => g!);
    const [fused, whole] = await expectBoth(z, ...grads);
    expect(fused).toBeLessThan(whole - 3);
  });

  it('of a chain that is reshaped in the middle', async () => {
    const x = random('x', [2, 3, 4]);
    const y = e.mul(x, random('b', [4]));
    await expectBoth(e.relu(y.reshape([24])));
    await expectBoth(e.add(y.reshape([6, 4]), random('c', [6, 1])));
    await expectBoth(e.add(y.reshape([1, 24]), random('d', [24])));
    const rows = e.mul(random('m', [4, 6]), random('n', [4, 1]));
    await expectBoth(e.relu(rows.reshape([-1])));
    await expectBoth(e.relu(rows.reshape([6, 4, 1])));
    await expectBoth(e.add(rows.reshape([2, 2, 6]), random('c', [2, 6])));
    await expectBoth(e.add(rows.reshape([4, 2, 3]), random('c', [4, 1, 1])));
    const rooted = e.add(conv2d(random('x', [1, 4, 4, 3]), random('w', [1, 1, 3, 4])), random('b', [4]));
    await expectBoth(e.relu(rooted.reshape([64])));
    await expectBoth(e.sub(e.relu(rooted.reshape([4, 4, 4])), random('k', [4, 1])));
  });

  it('of values that broadcast in every way', async () => {
    const x = random('x', [2, 3, 4, 8]);
    const others = [[8], [4, 8], [2, 1, 1, 1], [2, 3, 1, 1], [1], [3, 1, 8], [2, 3, 4, 1], [2, 3, 4, 8]];
    const y = others.reduce((sum, shape, i) => e.add(e.relu(sum), random(`o${i}`, shape)), x);
    await expectBoth(y);
    await expectBoth(e.mul(random('a', [4, 1]), random('b', [1, 5])));
  });

  it('of a value that several read, or that is a result itself', async () => {
    const x = random('x', [4, 8]);
    const y = e.exp(x);
    await expectBoth(e.mul(y, y), e.add(e.neg(y), y));
    await expectBoth(y, e.relu(y), e.sub(e.relu(y), 1));
    const z = conv2d(random('i', [1, 5, 5, 4]), random('w', [3, 3, 4, 4]));
    await expectBoth(z, e.relu(z));
    await expectBoth(e.mul(e.sigmoid(z), z));
  });

  it('of two kernels that meet', async () => {
    const a = conv2d(random('a', [1, 5, 5, 4]), random('w', [3, 3, 4, 8]));
    const b = conv2d(random('b', [1, 5, 5, 4]), random('v', [3, 3, 4, 8]));
    const [fused] = await expectBoth(e.relu(e.add(e.relu(a), e.sigmoid(b))));
    expect(fused).toBeLessThanOrEqual(3);
    await expectBoth(e.add(e.add(a, b), e.add(b, a)));
  });

  it('of one operation with two settings in a chain', async () => {
    const x = random('x', [7]);
    await expectBoth(e.affine(e.affine(e.clamp(e.clamp(x, -1), -3, 0.5), 2, 1), -3, 1e-7));
  });

  it('of chains with more steps or inputs than one dispatch holds', async () => {
    let x = random('x', [3, 5]);
    for (let i = 0; i < 30; i++) x = e.affine(e.tanh(x), 1.1, 0.1);
    await expectBoth(x);
    let y = random('y', [3, 5]);
    for (let i = 0; i < 20; i++) y = e.add(y, random(`y${i}`, [3, 5]));
    await expectBoth(y);
  });

  it('where a kernel has a second output that others read before', async () => {
    const x = leaf('x', [3, 4, 4, 4]);
    const names = ['weight', 'bias', 'runningMean', 'runningVar'];
    const inputs = Object.fromEntries(names.map((name) => [name, random(name, [4])]));
    const { y, mean: average } = apply('batch_norm', { x, ...inputs }, { momentum: 0.1, eps: 1e-5 });
    const first = e.relu(y!);
    const between = e.exp(average!);
    await expectBoth(e.add(e.mul(first, 2), matmul(between.reshape([1, 4]), random('m', [4, 4]))));
  });

  it('of integers, scalars and conditions', async () => {
    const i = tensor(Int32Array.of(1, -2, 3, 7));
    await expectBoth(e.add(e.mul(i, 3), i), e.remainder(i, 2));
    const s = tensor([2], []);
    await expectBoth(e.mul(e.add(s, 1), s), e.exp(e.neg(s)));
    const x = random('x', [4, 3]);
    await expectBoth(e.where(e.greater(x, 0), e.neg(x), e.affine(x, 2)));
  });
});

describe('memory', () => {
  /** Two levels down, two up, with skips; forward and backward. */
  function unet() {
    const parameters: Tensor[] = [];
    let count = 0;
    const conv = (x: Tensor, channels: number) => {
      const weight = leaf(`w${count++}`, [3, 3, x.shape[3]!, channels], 0.1);
      const bias = leaf(`b${count++}`, [channels]);
      parameters.push(weight, bias);
      const y = conv2d(x, weight, bias, { padding: 1 });
      const [scale, shift] = [leaf(`s${count++}`, [channels]), leaf(`t${count++}`, [channels])];
      parameters.push(scale, shift);
      return e.relu(groupNorm(y, 4, scale, shift));
    };
    const up = (x: Tensor) => {
      const [, h, w] = x.shape as [number, number, number, number];
      return apply('interpolate', { x }, { size: [2 * h, 2 * w], mode: 'nearest', alignCorners: false }).y!;
    };
    const x = random('image', [1, 32, 32, 4]);
    const one = conv(conv(x, 8), 8);
    const two = conv(conv(maxPool2d(one, 2), 16), 16);
    const three = conv(conv(maxPool2d(two, 2), 32), 32);
    const four = conv(conv(concat([up(three), two], 3), 16), 16);
    const five = conv(conv(concat([up(four), one], 3), 8), 8);
    const loss = mean(e.mul(five, five));
    return { loss, grads: grad([loss], parameters).map((g) => g!) };
  }

  it('is shared by liveness, without overlap, close to the least that is possible', async () => {
    const { planMemory } = await import('../../src/plan/memory.ts');
    const { sizeOf } = await import('../../src/plan/storage.ts');
    const { loss, grads } = unet();
    const lowered = lower(gpu.device.caps, [loss, ...grads], []);
    const { slotOf, slotSizes, lowerBound } = planMemory(lowered);

    const alive = new Map<object, { from: number; to: number; slot: number }>();
    lowered.ops.forEach((op, i) => {
      for (const storage of [...op.reads, ...op.writes, ...op.scratch]) {
        const slot = slotOf.get(storage);
        if (slot === undefined) {
          expect(storage.kept || storage.home).toBeTruthy();
          continue;
        }
        expect(slotSizes[slot]).toBeGreaterThanOrEqual(sizeOf(storage));
        alive.set(storage, { from: i, slot, ...alive.get(storage), to: i });
      }
    });
    const spans = [...alive.values()].sort((a, b) => a.slot - b.slot || a.from - b.from);
    spans.slice(1).forEach((span, i) => {
      if (spans[i]!.slot === span.slot) expect(spans[i]!.to).toBeLessThan(span.from);
    });
    const planned = slotSizes.reduce((total, size) => total + size, 0);
    expect(planned).toBeGreaterThanOrEqual(lowerBound);
    expect(planned).toBeLessThanOrEqual(1.15 * lowerBound);
  });

  it('that is shared changes no value', async () => {
    const { loss, grads } = unet();
    await expectReference(gpu, loss, ...grads);
  });
});

describe('a captured step', () => {
  it('replays with new inputs, and records once for each shape', async () => {
    let recorded = 0;
    const step = gpu.capture((x, y) => {
      recorded++;
      return { z: e.add(e.mul(x!, 2), y!), x: x! };
    });
    const z = async (...inputs: Tensor[]) => {
      const run = await step(...inputs);
      return [...(await run.z.data())];
    };
    expect(await z(tensor([1, 2]), tensor([10, 20]))).toEqual([12, 24]);
    expect(await z(tensor([3, 4]), tensor([30, 40]))).toEqual([36, 48]);
    expect(recorded).toBe(1);
    expect(await z(tensor([1, 2, 3]), tensor([1]))).toEqual([3, 5, 7]);
    expect(await z(tensor([5, 6]), tensor([0, 0]))).toEqual([10, 12]);
    expect(recorded).toBe(2);
    expect([...(await (await step(tensor([7, 8]), tensor([0, 0]))).x.data())]).toEqual([7, 8]);
    await expect(step(e.neg(tensor([1, 2])), tensor([0, 0]))).rejects.toThrow(ShapeError);
    step.dispose();
  });

  it('reports what it compiled', async () => {
    const step = gpu.capture((x) => ({ y: softmax(e.relu(x!)) }));
    const seen: [number, number][] = [];
    const stats = await step.prepare([zeros([3, 5])], (done, total) => seen.push([done, total]));
    expect(stats).toMatchObject({ operations: 2, dispatches: 2, pipelines: 2 });
    expect(seen.at(-1)).toEqual([2, 2]);
    step.dispose();
  });

  it('gives the same bits at every run', async () => {
    const { z, leaves } = block(8);
    const grads = grad([mean(e.mul(z, z))], leaves).map((g) => g!);
    const step = gpu.capture(() => Object.fromEntries([z, ...grads].map((value, i) => [`r${i}`, value])));
    const bits = async () => {
      const run = await step();
      const arrays: unknown[] = [];
      for (const value of Object.values(run)) {
        arrays.push(new Uint32Array((await value.data()).buffer as ArrayBuffer));
      }
      return arrays;
    };
    const first = await bits();
    expect(await bits()).toEqual(first);
    expect(await bits()).toEqual(first);
    step.dispose();
  });

  it('that throws while it records leaves nothing behind', async () => {
    const bad = gpu.capture((x) => ({ y: matmul(x!, zeros([3, 2])) }));
    await expect(bad(zeros([4, 5]))).rejects.toThrow(ShapeError);
    await expect(bad(zeros([4, 3]))).resolves.toBeDefined();
    const good = await gpu.run(() => ({ y: e.neg(tensor([1])) }));
    expect([...good.y]).toEqual([-1]);
    bad.dispose();
  });
});

describe('state', () => {
  const counter = (value: number) =>
    new State('counter', { shape: [1], dtype: 'f32' }, Float32Array.of(value));

  it('takes what is assigned when the run ends', async () => {
    const state = counter(5);
    const step = gpu.capture(() => {
      const before = stateTensor(state);
      assign(state, e.add(before, 1));
      return { before: e.affine(before, 1) };
    });
    for (const expected of [5, 6, 7]) {
      const { before } = await step();
      expect([...(await before.data())]).toEqual([expected]);
    }
    expect([...(await gpu.download(state))]).toEqual([8]);
    state.set(Float32Array.of(100));
    await step();
    expect([...(await gpu.download(state))]).toEqual([101]);
    step.dispose();
  });

  it('takes a constant, an input, or another state', async () => {
    const [a, b] = [counter(1), counter(2)];
    await gpu.run(() => {
      assign(a, tensor([9]));
      return {};
    });
    expect([...(await gpu.download(a))]).toEqual([9]);
    const step = gpu.capture((x) => {
      assign(a, x!);
      assign(b, stateTensor(a));
      return {};
    });
    await step(tensor([3]));
    // b takes what a held before this run.
    expect([...(await gpu.download(a)), ...(await gpu.download(b))]).toEqual([3, 9]);
    await step(tensor([4]));
    expect([...(await gpu.download(a)), ...(await gpu.download(b))]).toEqual([4, 3]);
    step.dispose();
  });

  it('is swapped, as assignments happen at the end and all at once', async () => {
    const [a, b] = [counter(1), counter(2)];
    await gpu.run(() => {
      assign(a, stateTensor(b));
      assign(b, stateTensor(a));
      return {};
    });
    expect([...(await gpu.download(a)), ...(await gpu.download(b))]).toEqual([2, 1]);
  });

  it('changes nowhere but in a run, and keeps its shape', async () => {
    const state = counter(1);
    expect(() => assign(state, tensor([1]))).toThrow(FoveaError);
    const wrong = gpu.run(() => {
      assign(state, tensor([1, 2]));
      return {};
    });
    await expect(wrong).rejects.toThrow('counter: [2] assigned to [1]');
    await expect(gpu.run(() => ({ y: tensor([1]) }))).resolves.toBeDefined();
  });
});

describe('an optimizer step', () => {
  const flat = (label: string, list: Float32Array) =>
    new State(label, { shape: [list.length], dtype: 'f32' }, list);

  it('updates parameters in place, run after run', async () => {
    const [w, m] = [values('w', [128]), values('m', [128])];
    const [weights, momentum] = [flat('weights', w.slice()), flat('momentum', m.slice())];
    const hyper = flat('hyper', Float32Array.of(0.1, 0.9, 0.01, 1));
    const step = gpu.capture(() => {
      const param = stateTensor(weights, true);
      const loss = sum(e.mul(e.mul(param, param), 0.5));
      const [g] = grad([loss], [param]);
      const inputs = { param, grad: g, momentum: stateTensor(momentum), hyper: stateTensor(hyper) };
      const { newParam, newMomentum } = apply('sgd_step', { ...inputs, scale: full([1], 1) });
      assign(weights, newParam!);
      assign(momentum, newMomentum!);
      return { loss };
    });
    const want = Float64Array.from(w);
    const speed = Float64Array.from(m);
    for (let n = 0; n < 3; n++) {
      const { loss } = await step();
      const before = want.reduce((total, value) => total + 0.5 * value * value, 0);
      expect((await loss.data())[0]).toBeCloseTo(before, 2);
      want.forEach((value, i) => {
        const g = value + 0.01 * value;
        speed[i] = 0.9 * speed[i]! + g;
        want[i] = value - 0.1 * (g + 0.9 * speed[i]!);
      });
    }
    const got = await gpu.download(weights);
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 4);
    });
    step.dispose();
  });

  it('reads a parameter as it was where it is read before, and as it is after', async () => {
    const start = values('w', [64]);
    const weights = flat('weights', start.slice());
    const run = await gpu.run(() => {
      const param = stateTensor(weights);
      const before = e.mul(param, 2);
      const inputs = { param, grad: param, momentum: zeros([64]), hyper: tensor([1, 0, 0, 0]) };
      const { newParam } = apply('sgd_step', { ...inputs, grad: e.affine(param, 0.5), scale: full([1], 1) });
      assign(weights, newParam!);
      return { sum: e.add(before, newParam!) };
    });
    run.sum.forEach((value, i) => {
      expect(value).toBeCloseTo(2.5 * start[i]!, 5);
    });
  });

  it('packs gradients that are one tensor, or made from each other', async () => {
    const g = e.exp(random('g', [2, 64]));
    const h = sum(g, { dim: 0 });
    const pack = (...tensors: Tensor[]) => {
      const inputs = Object.fromEntries(tensors.map((value, i) => [`x${i}`, value]));
      return apply('pack', inputs, { offsets: tensors.map((_, i) => 128 * i), size: 128 * tensors.length });
    };
    // Read by one more operation, as an optimizer does, so that nothing is a result in itself.
    await expectBoth(e.neg(pack(g, g).y!));
    await expectBoth(e.neg(pack(g, h, e.relu(h)).y!));
    await expectBoth(e.neg(pack(h, random('c', [3]), g).y!));
    // 70 elements in, no buffer can be bound.
    const x1 = e.exp(random('x1', [64]));
    const { y } = apply('pack', { x0: h, x1 }, { offsets: [0, 70], size: 136 });
    await expectBoth(e.neg(y!));
  });
});

describe('results', () => {
  it('are views, constants, one tensor twice, scalars, integers, nothing', async () => {
    const x = random('x', [2, 3]);
    const y = e.exp(x);
    const { values: sorted, indices } = sort(x);
    const got = await gpu.read(
      y.reshape([6]),
      y,
      x,
      x.reshape([3, 2]),
      sum(x),
      sorted,
      indices,
      zeros([0, 4]),
    );
    expect(got.map((array) => array.length)).toEqual([6, 6, 6, 6, 1, 6, 6, 0]);
    expect(got[0]).toEqual(got[1]);
    expect(got[2]).toEqual(got[3]);
    expect(got[6]).toBeInstanceOf(Int32Array);
    expect(await gpu.read()).toEqual([]);
  });

  it('come through operations on empty tensors', async () => {
    const empty = zeros([0, 4]);
    const [a, b, c] = await gpu.read(e.relu(empty), sum(empty, { dim: 0 }), permute(e.exp(empty), [1, 0]));
    expect([a!.length, [...b!], c!.length]).toEqual([0, [0, 0, 0, 0], 0]);
  });
});

describe('before anything runs', () => {
  it('shapes that do not fit are ShapeErrors with both values', () => {
    const x = zeros([2, 4, 4, 3]);
    expect(() => e.add(x, zeros([5]))).toThrow('add: shapes [2,4,4,3] and [5] do not broadcast');
    expect(() => conv2d(x, zeros([3, 3, 4, 8]))).toThrow(ShapeError);
    expect(() => x.reshape([7, -1])).toThrow(ShapeError);
    expect(() => concat([x, zeros([2, 4])], 0)).toThrow(ShapeError);
    expect(() => grad([x], [x])).toThrow(ShapeError);
  });

  it('a tensor that the device cannot bind is a DeviceLimitError with both sizes', async () => {
    const limit = gpu.device.caps.maxBindingSize;
    const huge = expand(zeros([1]), [Math.floor(limit / 4) + 1]);
    const run = gpu.read(sum(huge));
    await expect(run).rejects.toThrow(DeviceLimitError);
    await expect(run).rejects.toThrow(String(limit));
    await expectReference(gpu, e.neg(tensor([1])));
  });
});
