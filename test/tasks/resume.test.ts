import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { colorJitter, flip, zoom } from '../../src/data/augment/transforms.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/io/checkpoint.ts';
import {
  type ResumeFrom,
  type StepRecord,
  type TrainOptions,
  type TrainResult,
  train,
} from '../../src/learn/train.ts';
import type { FCNConfig } from '../../src/models/fcn.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { readProgress } from '../../src/tasks/progress.ts';
import { buildCli, type Ended, fovea, startFovea } from '../cli/run.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bytesOf, settingsFor, twoScene, writeScene } from './scenes.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-resume-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const STEPS = 12;

/** Trains, and writes each checkpoint to a file of its own. */
async function trainTo(
  prefix: string,
  run: (options: TrainOptions) => Promise<TrainResult>,
  { every, stopAfter = STEPS }: { every: number; stopAfter?: number },
): Promise<TrainResult & { files: string[] }> {
  const files: string[] = [];
  let steps = 0;
  const result = await run({
    checkpointEvery: every,
    onStep: ({ step }) => {
      steps = step;
    },
    // One step is on its way when the losses of the one before are known.
    shouldStop: () => steps + 1 >= stopAfter,
    onCheckpoint: async (checkpoint) => {
      const file = join(folder, `${prefix}-${(checkpoint.progress as { step: number }).step}.safetensors`);
      await saveCheckpoint(file, checkpoint);
      files.push(file);
    },
  });
  return { ...result, files };
}

/** A checkpoint, and of the records of a whole training those before it. */
async function resumeFrom(file: string, records: readonly StepRecord[]): Promise<ResumeFrom> {
  const checkpoint = await loadCheckpoint(file);
  const { step: at } = readProgress(checkpoint.progress, file);
  return { checkpoint, file, history: records.filter(({ step }) => step <= at) };
}

describe.each(['retinanet', 'unet'] as const)('a %s training', (model) => {
  const samples = [twoScene(model === 'retinanet' ? 64 : 32)];
  const augment = [zoom({ scale: [0.8, 1.2] }), flip(), colorJitter({ brightness: 0.2 })];
  const settings = settingsFor(model, samples, { width: 4, batchSize: 2, steps: STEPS, lr: 0.01, augment });
  let gpu: Gpu;
  let whole: TrainResult & { files: string[] };
  beforeAll(async () => {
    gpu = await sharedGpu();
    whole = await trainTo(`${model}-whole`, (hooks) => train(gpu, samples, settings, hooks), {
      every: 1,
      stopAfter: Infinity,
    });
  });
  afterAll(() => gpu?.dispose());

  it('resumes from each of its checkpoints to the same bytes and history', async () => {
    expect(whole.history.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
    expect(whole.files).toHaveLength(STEPS);
    for (const file of whole.files) {
      const resumed = await train(gpu, samples, settings, { resume: await resumeFrom(file, whole.history) });
      expect(resumed.history).toEqual(whole.history);
      expect(bytesOf(resumed.weights)).toBe(bytesOf(whole.weights));
      expect(resumed.finished).toBe(true);
    }
  });

  it('goes on with another learning rate, more steps and batches to skip, to its own end', async () => {
    const change = { lr: 0.002, steps: STEPS + 3, skipBatches: [7, STEPS + 3] };
    const from = async (step: number) => resumeFrom(whole.files[step - 1]!, whole.history);
    const once = await trainTo(
      `${model}-changed`,
      async (hooks) => train(gpu, samples, { ...settings, ...change }, { ...hooks, resume: await from(5) }),
      { every: 1, stopAfter: Infinity },
    );
    expect(once.step).toBe(STEPS + 3);
    expect(once.history.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14]);
    expect(once.history[5]!.lr).toBeLessThan(whole.history[5]!.lr);
    expect(bytesOf(once.weights)).not.toBe(bytesOf(whole.weights));
    // It can be interrupted just as well: behind the batch that is skipped, too.
    const files = once.files.filter((file) => /-(6|8|13)\.safetensors$/.test(file));
    expect(files).toHaveLength(3);
    for (const file of files) {
      const resume = await resumeFrom(file, once.history);
      const again = await train(gpu, samples, { ...settings, ...change }, { resume });
      expect(again.history).toEqual(once.history);
      expect(bytesOf(again.weights)).toBe(bytesOf(once.weights));
    }
  });

  it('stops when it is told, and another Gpu goes on', async () => {
    const other = await sharedGpu();
    for (const stopAfter of [0, 5]) {
      const stopped = await trainTo(
        `${model}-${stopAfter}`,
        (hooks) => train(gpu, samples, settings, hooks),
        {
          every: 100,
          stopAfter,
        },
      );
      expect(stopped.finished).toBe(false);
      expect(stopped.history).toEqual(whole.history.slice(0, stopAfter));
      expect(stopped.files).toHaveLength(1);
      const resumed = await train(other, samples, settings, {
        resume: await resumeFrom(stopped.files[0]!, stopped.history),
      });
      expect(resumed.history).toEqual(whole.history);
      expect(bytesOf(resumed.weights)).toBe(bytesOf(whole.weights));
    }
    other.dispose();
  });

  it('does not resume with other settings or data', async () => {
    const resume = await resumeFrom(whole.files[2]!, whole.history);
    const { file } = resume;
    for (const [change, message] of [
      [
        { clipNorm: 5 },
        /: was trained with clipNorm 10, now 5; resume with the same data and settings \(only lr, steps, skipBatches and patience may change\)$/,
      ],
      [{ seed: 7, steps: 13, batchSize: 1 }, /: was trained with batchSize 2, now 1; seed 0, now 7; /],
      [{ steps: 2 }, /: has 3 steps done, more than the 2 asked for; give at least 3 steps/],
      [
        { classNames: ['ball', 'box'] },
        /: was trained with classNames \["ball","crate"\], now \["ball","box"\]; /,
      ],
    ] as const) {
      const relabelled = samples.map((sample) => ({
        ...sample,
        annotation: {
          ...sample.annotation,
          shapes: sample.annotation.shapes.map((shape) => ({
            ...shape,
            label: 'classNames' in change && shape.label === 'crate' ? 'box' : shape.label,
          })),
        },
      }));
      const run = train(gpu, relabelled, { ...settings, ...change }, { resume });
      await expect(run).rejects.toThrow(message);
      await expect(run).rejects.toThrow(file);
    }
    const more = [...samples, ...samples];
    await expect(train(gpu, more, settings, { resume })).rejects.toThrow(
      /was trained on other data than the data set \(crops per epoch: 1, now 2\)/,
    );
  });
});

describe('a training with dropout', () => {
  it('resumes with the masks that the whole one has', async () => {
    const gpu = await sharedGpu();
    const samples = [twoScene(32)];
    const settings = settingsFor('fcn', samples, { width: 4, batchSize: 2, steps: 6, lr: 0.01 });
    const without = { ...settings, config: { ...(settings.config as FCNConfig), dropout: 0 } };
    const whole = await trainTo('dropout', (options) => train(gpu, samples, settings, options), {
      every: 3,
      stopAfter: Infinity,
    });
    const plain = await train(gpu, samples, without);
    expect(plain.history[0]).not.toEqual(whole.history[0]);
    const resumed = await train(gpu, samples, settings, {
      resume: await resumeFrom(whole.files[0]!, whole.history),
    });
    expect(resumed.history).toEqual(whole.history);
    expect(bytesOf(resumed.weights)).toBe(bytesOf(whole.weights));
    gpu.dispose();
  });
});

describe('fovea train', () => {
  let data: string;
  let expected: Buffer;
  const train = (out: string, ...more: string[]): string[] => [
    'train',
    ...['--task', 'segment', '--data', data, '--out', out, '--epochs', '40', '--size', '64', '--crop', '32'],
    ...['--width', '4', '--batch', '2', '--checkpoint-every', '2', ...more],
  ];
  beforeAll(async () => {
    data = join(folder, 'data');
    await writeScene(data, { ...twoScene(48), name: 'one' });
    await buildCli();
    const out = join(folder, 'whole.safetensors');
    const { code, stderr } = await fovea(...train(out));
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('40 steps of 2 crops of 32x32');
    expected = await readFile(out);
  });

  /** Trains, reading the checkpoint again and again until the end, and sends a signal once it is of step 8 or later. */
  async function interruptOnce(out: string, signal: NodeJS.Signals): Promise<Ended & { read: number }> {
    const file = out.replace('.safetensors', '.checkpoint.safetensors');
    const { child, ended } = startFovea(train(out));
    let over = false;
    void ended.then(() => {
      over = true;
    });
    while (!existsSync(file) && !over) await sleep(5);
    let read = 0;
    // Whatever moment it is, the file is whole.
    do {
      const { progress } = await loadCheckpoint(file);
      read++;
      if ((progress as { step: number }).step >= 8 && !child.killed) child.kill(signal);
      await sleep(1);
    } while (!over);
    await loadCheckpoint(file);
    return { ...(await ended), read };
  }

  /** The same; where the training ended before the signal came, on a busy machine, it trains again. */
  async function interrupt(out: string, signal: NodeJS.Signals) {
    for (let attempt = 0; ; attempt++) {
      const ended = await interruptOnce(out, signal);
      if (ended.code !== 0 || attempt === 20) return ended;
      await rm(out);
      for (const end of ['.checkpoint.safetensors', '.history.jsonl']) {
        await rm(out.replace('.safetensors', end), { force: true });
      }
    }
  }

  it('killed, goes on with --resume to the same model file', async () => {
    const out = join(folder, 'killed.safetensors');
    const { code, read } = await interrupt(out, 'SIGKILL');
    expect(code).toBe(null);
    expect(read).toBeGreaterThan(0);
    expect(existsSync(out)).toBe(false);
    const resumed = await fovea(...train(out, '--resume'));
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(expected.equals(await readFile(out))).toBe(true);
  });

  it('after Ctrl-C, ends with weights and a checkpoint, and goes on with --resume alone', async () => {
    const out = join(folder, 'stopped.safetensors');
    const { code, signal, stderr } = await interrupt(out, 'SIGINT');
    // By the signal where a step takes long on a busy machine: it is given up then. A shell sees 130 in both cases.
    expect([130, 'SIGINT'], stderr).toContain(code ?? signal);
    const said =
      /stopping after this step\n(?:.*\n)*stopped.* weights of step (\d+) of 40.*; continue with --resume/.exec(
        stderr,
      );
    expect(said, stderr).not.toBe(null);
    expect((await readdir(folder)).filter((name) => name.includes('stopped')).sort()).toEqual([
      'stopped.checkpoint.safetensors',
      'stopped.history.jsonl',
      'stopped.report.html',
      'stopped.safetensors',
    ]);
    // The weights can be used, and so can the checkpoint.
    for (const file of [out, out.replace('.safetensors', '.checkpoint.safetensors')]) {
      const found = await fovea('segment', file, join(data, 'one.png'), '--out', join(folder, 'areas'));
      expect(found.code, found.stderr).toBe(0);
    }
    // What was given before need not be given again.
    const resumed = await fovea('train', '--data', data, '--out', out, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(expected.equals(await readFile(out))).toBe(true);
    const done = Number(said![1]);
    expect(resumed.stderr).toMatch(new RegExp(`: steps ${done + 1} to 40 in `));
    expect(resumed.stderr).toMatch(
      new RegExp(
        `trained: .*stopped\\.safetensors, 40 steps \\(${40 - done} in this run\\), [\\d.]+ images/s`,
      ),
    );
    const steps = (await readFile(out.replace('.safetensors', '.history.jsonl'), 'utf8')).trim().split('\n');
    expect(steps.map((line) => JSON.parse(line).step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    // What is finished says so, and needs no GPU.
    const again = await fovea(...train(out, '--resume', '--adapter', 'hardware'));
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toMatch(
      /the training is finished, 40 of 40 steps; give more --steps or --epochs to go on/,
    );
    expect(expected.equals(await readFile(out))).toBe(true);
  });
});
