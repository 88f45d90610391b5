import { afterEach, describe, expect, it, vi } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { add, relu } from '../../src/graph/functions/elementwise.ts';
import { mean, softmax } from '../../src/graph/functions/reduce.ts';
import { tensor, zeros } from '../../src/graph/tensor.ts';
import { Linear } from '../../src/nn/layers.ts';
import { Parameter } from '../../src/nn/module.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import { type Generator, generator } from '../../src/nn/random.ts';
import { openGpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { planningMemory } from '../../src/plan/memory.ts';
import { inSlices } from '../../src/plan/slices.ts';

afterEach(() => vi.restoreAllMocks());

/** Sets the clock: each look at it finds it moved on by this. */
function clockMovesBy(ms: number): void {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (now += ms));
}

/** How much of each kind of work was done since the last rest, and the most that ever was. */
class Work {
  readonly most: Record<string, number> = {};
  #since: Record<string, number> = {};
  rests = 0;

  constructor() {
    const { setTimeout } = globalThis;
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((then: () => void, ms?: number) => {
      if (ms === undefined) {
        this.rests++;
        this.#since = {};
      }
      return setTimeout(then, ms);
    }) as typeof setTimeout);
  }

  add(kind: string, amount: number): void {
    const since = (this.#since[kind] ?? 0) + amount;
    this.#since[kind] = since;
    this.most[kind] = Math.max(this.most[kind] ?? 0, since);
  }

  /** Watches what is made on a device, and the bytes that are written. */
  watch(device: GPUDevice): void {
    const makers = [
      'createBuffer',
      'createShaderModule',
      'createComputePipelineAsync',
      'createBindGroup',
    ] as const;
    for (const name of makers) {
      const method = device[name].bind(device) as (descriptor: never) => unknown;
      Object.assign(device, {
        [name]: (descriptor: never) => {
          this.add(name, 1);
          return method(descriptor);
        },
      });
    }
    const { queue } = device;
    const writeBuffer = queue.writeBuffer.bind(queue) as (...given: unknown[]) => undefined;
    vi.spyOn(queue, 'writeBuffer').mockImplementation(((...given: unknown[]) => {
      const [, , data, , size] = given as [GPUBuffer, number, ArrayBufferView, number?, number?];
      this.add('bytes', size === undefined ? data.byteLength : 4 * size);
      writeBuffer(...given);
    }) as GPUQueue['writeBuffer']);
  }

  /** Watches the random numbers that are drawn. */
  watched(random: Generator): Generator {
    const next = () => {
      this.add('drawn', 1);
      return random();
    };
    return Object.assign(next, { skip: (count: number) => this.watched(random.skip!(count)) });
  }
}

describe('work in slices', () => {
  function* count(to: number): globalThis.Generator<void, number> {
    let sum = 0;
    for (let i = 1; i <= to; i++) {
      sum += i;
      yield;
    }
    return sum;
  }

  it('rests where the time of a slice is used up, and nowhere else', async () => {
    for (const [ms, rests] of [
      [0, 0],
      [1, 1],
      [1000, 10],
    ] as const) {
      clockMovesBy(ms);
      const work = new Work();
      expect(await inSlices(count(10))).toBe(55);
      expect(work.rests, `${ms} ms per look`).toBe(rests);
      vi.restoreAllMocks();
    }
  });
});

describe('a page’s main thread', () => {
  it('can rest between the steps of making a model and its training program', async () => {
    const work = new Work();
    using gpu = await openGpu({ validate: false });
    work.watch(gpu.device.device);
    const draws = { generator: work.watched(generator(1)) };
    const layers = [new Linear(1024, 1280, draws), new Linear(1280, 64, draws)] as const;
    const weights = 1024 * 1280 + 1280 * 64;
    expect(work.most.drawn ?? 0).toBe(0);
    const optimizer = new AdamW(
      layers.flatMap((layer) => layer.parameters()),
      { lr: 0.01 },
    );
    const step = gpu.capture((x) => {
      const loss = mean(layers[1].forward(relu(layers[0].forward(x!))));
      backward(loss);
      optimizer.step();
      return { loss };
    });
    clockMovesBy(1000);
    const { dispatches } = await step.prepare([zeros([1, 1024])]);
    const { bytes, drawn, ...made } = work.most;
    expect(drawn).toBe(2 * 2 ** 16);
    expect(bytes).toBe(4 * 2 ** 20);
    expect(Math.max(...Object.values(made))).toBeLessThanOrEqual(2);
    // Each dispatch is planned, lowered and bound by itself.
    expect(work.rests).toBeGreaterThan(2 * dispatches + weights / 2 ** 16);
  });

  it('can rest after each storage that gets its place in memory', async () => {
    const results = [...Array(50).keys()].reduce((x) => softmax(x), tensor([1, 2, 3, 4], [2, 2]));
    const { device } = await openGpu();
    const lowered = lower(device.caps, [mean(results)], [], { alone: true });
    device.dispose();
    clockMovesBy(1000);
    const work = new Work();
    const plan = await inSlices(planningMemory(lowered));
    expect(plan.placeOf.size).toBeGreaterThanOrEqual(50);
    expect(work.rests).toBeGreaterThanOrEqual(plan.placeOf.size);
  });

  it('does not clear large weights itself: the device does, before they are written in parts', async () => {
    using gpu = await openGpu({ validate: false });
    const { device } = gpu.device;
    const cleared: number[] = [];
    const createCommandEncoder = device.createCommandEncoder.bind(device);
    vi.spyOn(device, 'createCommandEncoder').mockImplementation((descriptor) => {
      const encoder = createCommandEncoder(descriptor);
      const clearBuffer = encoder.clearBuffer.bind(encoder);
      encoder.clearBuffer = (buffer: GPUBuffer) => {
        cleared.push(buffer.size);
        clearBuffer(buffer);
      };
      return encoder;
    });
    const values = Float32Array.from({ length: 3 << 20 }, (_, i) => i % 251);
    const [large, small] = [
      new Parameter([3 << 20], values),
      new Parameter([4], Float32Array.of(1, 2, 3, 4)),
    ];
    const run = await gpu.capture(() => ({ sum: add(large.tensor, mean(small.tensor)) }))();
    expect(cleared).toEqual([12 << 20]);
    expect(await run.sum.data()).toEqual(values.map((value) => value + 2.5));
  });
});
