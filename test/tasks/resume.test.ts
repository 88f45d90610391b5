import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from '../../src/io/checkpoint.ts';
import type { FCNConfig } from '../../src/models/fcn.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { type TrainOptions, type TrainResult, train } from '../../src/tasks/train.ts';
import { buildCli, fovea, startFovea } from '../cli/run.ts';
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

const resumeFrom = async (file: string): Promise<{ checkpoint: Checkpoint; file: string }> => ({
  checkpoint: await loadCheckpoint(file),
  file,
});

describe.each(['retinanet', 'unet'] as const)('a %s training', (model) => {
  const samples = [twoScene(model === 'retinanet' ? 64 : 32)];
  const augment = { scale: [0.8, 1.2], flipHorizontal: 0.5, brightness: 0.2 } as const;
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
      const resumed = await train(gpu, samples, settings, { resume: await resumeFrom(file) });
      expect(resumed.history).toEqual(whole.history);
      expect(bytesOf(resumed.weights)).toBe(bytesOf(whole.weights));
      expect(resumed.finished).toBe(true);
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
      const resumed = await train(other, samples, settings, { resume: await resumeFrom(stopped.files[0]!) });
      expect(resumed.history).toEqual(whole.history);
      expect(bytesOf(resumed.weights)).toBe(bytesOf(whole.weights));
    }
    other.dispose();
  });

  it('does not resume with other settings or data', async () => {
    const resume = await resumeFrom(whole.files[2]!);
    const { file } = resume;
    for (const [change, message] of [
      [{ lr: 0.02 }, /: was trained with lr 0\.01, now 0\.02; resume with the same data and settings$/],
      [{ seed: 7, steps: 13 }, /: was trained with steps 12, now 13; seed 0, now 7; /],
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
      /samples is 1 in the state and 2 here/,
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
    const resumed = await train(gpu, samples, settings, { resume: await resumeFrom(whole.files[0]!) });
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
  async function interruptOnce(
    out: string,
    signal: NodeJS.Signals,
  ): Promise<{ code: number | null; stderr: string; read: number }> {
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
      await rm(out.replace('.safetensors', '.checkpoint.safetensors'), { force: true });
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

  it('after Ctrl-C, exits with 130 and a checkpoint, and goes on with --resume alone', async () => {
    const out = join(folder, 'stopped.safetensors');
    const { code, stderr } = await interrupt(out, 'SIGINT');
    expect(code, stderr).toBe(130);
    expect(stderr).toMatch(
      /stopping after this step; continue with --resume\n(?:.*\n)*stopped: .*stopped\.checkpoint\.safetensors/,
    );
    expect(existsSync(out)).toBe(false);
    expect((await readdir(folder)).filter((name) => name.includes('stopped'))).toEqual([
      'stopped.checkpoint.safetensors',
    ]);
    // What was given before need not be given again.
    const resumed = await fovea('train', '--data', data, '--out', out, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(expected.equals(await readFile(out))).toBe(true);
  });
});
