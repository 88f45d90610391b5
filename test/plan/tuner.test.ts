import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { conv2d } from '../../src/graph/functions/conv.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { zeros } from '../../src/graph/tensor.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { type Choice, choicesOf } from '../../src/plan/lower.ts';
import { classOf, TUNED_VERSION } from '../../src/plan/tuner.ts';
import { callsDuring } from './counting.ts';

await loadStrategies(Object.values(operations));

let folder: string;
let plain: Gpu;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'fovea-tuner-'));
  process.env.FOVEA_CACHE = path.join(folder, 'cache');
  delete process.env.FOVEA_AUTOTUNE;
  plain = await openGpu({ autotune: false });
});
beforeEach(() => rm(path.join(folder, 'cache'), { recursive: true, force: true }));
afterAll(async () => {
  plain.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** A convolution that Winograd's algorithm can compute, in several dispatches, and the plain kernel in one. */
const input = (side: number, channels = 16) => zeros([1, side, side, channels]);
const convolution = (x: ReturnType<typeof zeros>) => ({
  y: conv2d(x, zeros([3, 3, x.shape[3]!, 16]), undefined, { padding: 1 }),
});
const choiceFor = (side: number, channels = 16): Choice =>
  choicesOf(plain.device.caps, Object.values(convolution(input(side, channels))), [])[0]!;

/** The strategy that takes one dispatch: a matrix kernel. */
const plainOf = (choice: Choice): string =>
  choice.candidates.find(({ plan }) => plan().dispatches.length === 1)!.name;

async function dispatches(gpu: Gpu, side: number): Promise<number> {
  const step = gpu.capture((x) => convolution(x!));
  const stats = await step.prepare([input(side)]);
  step.dispose();
  return stats.dispatches;
}

const files = async (): Promise<string[]> => {
  const names = await readdir(path.join(folder, 'cache')).catch((): string[] => []);
  return names.map((name) => path.join(folder, 'cache', name));
};

async function keep(change: (kept: { tuned: { strategy: string }[]; fovea: string }) => void): Promise<void> {
  const [file] = await files();
  const kept = JSON.parse(await readFile(file!, 'utf8'));
  change(kept);
  await writeFile(file!, JSON.stringify(kept));
}

describe('autotuning', () => {
  it('times every strategy once, takes none that is slower than the static guess, and keeps it', async () => {
    const gpu = await openGpu({ autotune: true });
    const found = await gpu.tune((x) => convolution(x!), [input(8)]);
    expect(found).toHaveLength(1);
    const { strategy, guess, ms } = found[0]!;
    expect(Object.keys(ms).sort()).toEqual(
      choiceFor(8)
        .candidates.map(({ name }) => name)
        .sort(),
    );
    expect(Object.keys(ms).length).toBeGreaterThan(1);
    expect(ms[strategy]).toBeLessThanOrEqual(ms[guess]!);
    expect(await gpu.tune((x) => convolution(x!), [input(8)])).toEqual([]);
    expect(await gpu.tune((x) => convolution(x!), [input(8)], { again: true })).toHaveLength(1);
    expect(await files()).toHaveLength(1);
    gpu.dispose();
  });

  it('measures many runs of a small operation in one submission', async () => {
    const gpu = await openGpu({ autotune: true });
    // By this clock nothing takes any time, so that as many runs are measured as may be.
    let time = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => ++time / 1e6);
    const { submit, dispatchWorkgroups } = await callsDuring(gpu, () =>
      gpu.tune((x) => convolution(x!), [input(2)]),
    ).finally(() => clock.mockRestore());
    expect(dispatchWorkgroups).toBeGreaterThan(100 * submit!);
    gpu.dispose();
  });

  it('happens when a function is captured, and says so', async () => {
    const gpu = await openGpu({ autotune: true });
    const told: string[] = [];
    const step = gpu.capture((x) => convolution(x!));
    await step.prepare([input(8)], (done, total, doing) => told.push(`${doing} ${done}/${total}`));
    expect(told.slice(0, 2)).toEqual(['tuning 0/1', 'tuning 1/1']);
    expect(told.at(-1)).toMatch(/^compiling (\d+)\/\1$/);
    expect(await files()).toHaveLength(1);
    gpu.dispose();
  });

  it('gives what is remembered to later processes, which measure nothing', async () => {
    const first = await openGpu({ autotune: true });
    await first.tune((x) => convolution(x!), [input(8)]);
    first.dispose();
    for (const [strategy, count] of [
      [plainOf(choiceFor(8)), 1],
      ['winograd2', 4],
    ] as const) {
      await keep(({ tuned }) => {
        tuned[0]!.strategy = strategy;
      });
      for (const autotune of [true, undefined]) {
        const later = await openGpu(autotune === undefined ? {} : { autotune });
        expect(await dispatches(later, 8)).toBe(count);
        later.dispose();
      }
    }
  });

  it('turned off, neither measures nor remembers', async () => {
    const first = await openGpu({ autotune: true });
    await first.tune((x) => convolution(x!), [input(8)]);
    first.dispose();
    const choice = choiceFor(8);
    const guessed = choice.guess.plan().dispatches.length;
    await keep(({ tuned }) => {
      tuned[0]!.strategy = guessed === 1 ? 'winograd2' : plainOf(choice);
    });
    const off = await openGpu({ autotune: false });
    expect(await dispatches(off, 8)).toBe(guessed);
    expect(await off.tune((x) => convolution(x!), [input(8)])).toEqual([]);
    expect(await off.tunedPlace()).toBeUndefined();
    off.dispose();
  });

  it.each([
    ['is no JSON', '{"tuned": ['],
    [
      'is of another version',
      JSON.stringify({ fovea: '0.0.0', tuned: [{ key: 'k', strategy: 'plain', guess: 'plain', ms: {} }] }),
    ],
    [
      'has names that no strategy has',
      JSON.stringify({
        fovea: TUNED_VERSION,
        tuned: [{ key: 'k', strategy: 'own', guess: 'own', ms: {} }],
      }),
    ],
    ['holds something else', JSON.stringify({ fovea: TUNED_VERSION, tuned: [null, 3, { key: 1 }] })],
  ])('measures again where what is kept %s', async (_, text) => {
    const first = await openGpu({ autotune: true });
    await first.tune((x) => convolution(x!), [input(8)]);
    first.dispose();
    const [file] = await files();
    await writeFile(file!, text);
    const again = await openGpu({ autotune: true });
    expect(await again.tune((x) => convolution(x!), [input(8)])).toHaveLength(1);
    expect(JSON.parse(await readFile(file!, 'utf8')).tuned).toHaveLength(1);
    again.dispose();
  });

  it('works where nothing can be kept', async () => {
    await writeFile(path.join(folder, 'cache'), 'a file where the folder should be');
    const gpu = await openGpu({ autotune: true });
    expect(await gpu.tune((x) => convolution(x!), [input(8)])).toHaveLength(1);
    expect(await gpu.tune((x) => convolution(x!), [input(8)])).toEqual([]);
    gpu.dispose();
  });

  it('adds to what another process has kept in the meantime', async () => {
    const [a, b] = [await openGpu({ autotune: true }), await openGpu({ autotune: true })];
    await a.tune((x) => convolution(x!), [input(4)]);
    await b.tune((x) => convolution(x!), [input(8)]);
    await a.tune((x) => convolution(x!), [input(16)]);
    await keep(({ tuned }) => expect(tuned).toHaveLength(3));
    a.dispose();
    b.dispose();
  });
});

describe('classes of shapes', () => {
  it('are of sizes up to a power of two, exact up to 16 and in the channels', () => {
    expect(classOf(choiceFor(40))).toBe(classOf(choiceFor(64)));
    expect(classOf(choiceFor(64))).not.toBe(classOf(choiceFor(65)));
    expect(classOf(choiceFor(15))).not.toBe(classOf(choiceFor(16)));
    expect(classOf(choiceFor(40, 16))).not.toBe(classOf(choiceFor(40, 20)));
  });

  it('are of this version of the kernels', () => {
    expect(TUNED_VERSION).toBe(packageJson.version);
  });
});
