import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainCommand } from '../../cli/src/commands/train.ts';
import { DataError, DeviceLimitError, NumericError, ShapeError } from '../../src/errors.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/io/checkpoint.ts';
import { train } from '../../src/learn/train.ts';
import type { RetinaNetConfig } from '../../src/models/retinanet.ts';
import type { UNetConfig } from '../../src/models/unet.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { buildCli, fovea, messages } from '../cli/run.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { bytesOf, settingsFor, twoScene, writeScene } from './scenes.ts';

let gpu: Gpu;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-numeric-'));
  gpu = await sharedGpu();
});
afterAll(async () => {
  gpu?.dispose();
  await rm(folder, { recursive: true, force: true });
});

const samples = [twoScene(32)];
const options = { width: 4, batchSize: 2, steps: 8 } as const;

describe('a loss that is not finite', () => {
  it.each([
    ['retinanet', 'classification'],
    ['unet', 'segmentation'],
  ] as const)('of an absurd learning rate ends a %s training, and keeps no checkpoint of it', async (model, loss) => {
    let checkpoints = 0;
    const run = train(gpu, samples, settingsFor(model, samples, { ...options, lr: 1e30 }), {
      checkpointEvery: 1,
      onCheckpoint: async () => {
        checkpoints++;
      },
    });
    await expect(run).rejects.toThrow(NumericError);
    await expect(run).rejects.toThrow(
      new RegExp(
        `^step \\d: the (gradient of the )?${loss}.* loss is (NaN|-?Infinity); training stops, there is no checkpoint yet; train again with a lower --lr \\(now 1e\\+30\\), more --steps, or --skip-batches \\d; or check the images and labels of this batch: two$`,
      ),
    );
    expect(checkpoints).toBe(0);
  });

  it('of an image leaves the last good checkpoint, which resumes with good images', async () => {
    const settings = settingsFor('unet', samples, options);
    const broken = samples.map(({ image, ...sample }) => ({
      ...sample,
      image: { ...image, data: image.data.map((value, i) => (i === 77 ? Number.NaN : value)) },
    }));
    const file = join(folder, 'good.safetensors');
    const onCheckpoint = (checkpoint: Parameters<typeof saveCheckpoint>[1]) =>
      saveCheckpoint(file, checkpoint);
    let stop = false;
    const onStep = ({ step }: { step: number }) => {
      stop = step === 3;
    };
    await train(gpu, samples, settings, { checkpointEvery: 1, onCheckpoint, onStep, shouldStop: () => stop });
    const before = await readFile(file);
    const checkpoint = await loadCheckpoint(file);
    expect(checkpoint.progress).toMatchObject({ step: 3 });
    const resumed = train(gpu, broken, settings, {
      checkpointEvery: 1,
      onCheckpoint,
      resume: { checkpoint, file },
    });
    await expect(resumed).rejects.toThrow(/^step 4: the (gradient of the )?segmentation loss is NaN; /);
    expect(before.equals(await readFile(file))).toBe(true);
    const again = await train(gpu, samples, settings, {
      resume: { checkpoint: await loadCheckpoint(file), file },
    });
    expect(again.finished).toBe(true);
  });

  it('names its batch, which can be left out; a lower rate and more steps are taken, too', async () => {
    const still = { cropSize: 32, width: 4, batchSize: 2, steps: 8, lr: 0.01 };
    // Two images, so that each batch has both, or one of them twice; the second is broken.
    const { image, ...labels } = twoScene(32);
    const pixels = image.data.map((value, i) => (i === 77 ? Number.NaN : value));
    const other = { ...labels, name: 'broken', image: { ...image, data: pixels } };
    const data = [...Array.from({ length: 7 }, () => twoScene(32)), other];
    const settings = settingsFor('unet', data, still);
    const file = join(folder, 'named.safetensors');
    const onCheckpoint = (checkpoint: Parameters<typeof saveCheckpoint>[1]) =>
      saveCheckpoint(file, checkpoint);
    const attempt = (change: object, options: object = {}) =>
      train(gpu, data, { ...settings, ...change }, { checkpointEvery: 1, onCheckpoint, ...options });
    const failure = async (run: Promise<unknown>) => {
      const error = await run.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(NumericError);
      return (error as NumericError).message;
    };
    const said = /^step (\d): .*; (.*); .*--skip-batches (\d); or check .* of this batch: (.*)$/;
    const skipBatches: number[] = [];
    // Each epoch is four batches, one of which is broken.
    let [run, kept] = [attempt({}), 'there is no checkpoint yet'];
    for (const most of [4, 8]) {
      const [, step, what, named, names] = said.exec(await failure(run)) ?? [];
      expect(named).toBe(step);
      expect(Number(step)).toBeGreaterThan(most - 4);
      expect(Number(step)).toBeLessThanOrEqual(most);
      expect(names!.split(', ')).toContain('broken');
      if (Number(step) > 2) kept = 'the last checkpoint is kept';
      expect(what).toBe(`training stops, ${kept}`);
      skipBatches.push(Number(step));
      const resume = existsSync(file) ? { resume: { checkpoint: await loadCheckpoint(file), file } } : {};
      if (existsSync(file)) {
        // The other ways that are named are taken by a resumed training; neither mends this image.
        for (const change of [{ lr: 0.0001 }, { steps: 12 }]) {
          expect(await failure(attempt(change, resume))).toContain(`--skip-batches ${step}`);
        }
      }
      run = attempt({ skipBatches }, resume);
      run.catch(() => undefined);
    }
    const result = await run;
    expect(result.finished).toBe(true);
    expect(result.step).toBe(8);
    const whole = await train(gpu, data, { ...settings, skipBatches });
    expect(whole.history.map(({ step }) => step)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].filter((step) => !skipBatches.includes(step)),
    );
    expect(bytesOf(result.weights)).toBe(bytesOf(whole.weights));
  });

  it('of too high a rate is passed with a lower one from the checkpoint before it', async () => {
    const file = join(folder, 'lower.safetensors');
    const settings = settingsFor('unet', samples, { ...options, steps: 20, lr: 1e30 });
    // Steps at a good rate, of which the checkpoint is; then an absurd one.
    const good = { ...settings, lr: 0.001 };
    let at = 0;
    await train(gpu, samples, good, {
      onStep: ({ step }) => {
        at = step;
      },
      shouldStop: () => at >= 4,
      onCheckpoint: (checkpoint) => saveCheckpoint(file, checkpoint),
    });
    const resume = { checkpoint: await loadCheckpoint(file), file };
    await expect(train(gpu, samples, settings, { resume })).rejects.toThrow(
      /the last checkpoint is kept; go on with --resume and a lower --lr \(now 1e\+30\), more --steps/,
    );
    const lower = await train(gpu, samples, good, { resume });
    expect([lower.finished, lower.step]).toEqual([true, 20]);
  });

  it('is one line and exit code 2 of fovea train, without a model file', async () => {
    const data = join(folder, 'data');
    await writeScene(data, { ...twoScene(48), name: 'one' });
    await buildCli();
    const out = join(folder, 'model.safetensors');
    const options = [
      '--size',
      '64',
      '--crop',
      '32',
      '--width',
      '4',
      '--lr',
      '1e30',
      '--checkpoint-every',
      '1',
    ];
    const { code, stderr } = await fovea(
      'train',
      '--task',
      'detect',
      '--data',
      data,
      '--out',
      out,
      ...options,
    );
    expect(code).toBe(2);
    expect(messages(stderr).at(-1)).toMatch(/^fovea: step \d: the .*loss is /);
    expect(existsSync(out)).toBe(false);
  });
});

describe('settings that cannot be', () => {
  const attempt = (change: object, model: 'retinanet' | 'unet' = 'unet') =>
    train(gpu, samples, { ...settingsFor(model, samples, options), ...change });

  it('are refused before anything is allocated', async () => {
    await expect(attempt({ cropSize: 65536 })).rejects.toThrow(DeviceLimitError);
    await expect(attempt({ cropSize: 65536 })).rejects.toThrow(
      /images \[2,65536,65536,3\] takes 103079215104 bytes, .* at most \d+; use a smaller batch or size/,
    );
    await expect(attempt({ batchSize: 1_000_000 })).rejects.toThrow(DeviceLimitError);
    await expect(attempt({ cropSize: 33 })).rejects.toThrow(ShapeError);
    await expect(attempt({ cropSize: 33 }, 'retinanet')).rejects.toThrow(/multiple of 32/);
    await expect(attempt({ maxSide: 1e9 })).rejects.toThrow(DataError);
    await expect(attempt({ steps: 0 })).rejects.toThrow(/steps is 0/);
    const unet = settingsFor('unet', samples, options).config as UNetConfig;
    const retinanet = settingsFor('retinanet', samples, options).config as RetinaNetConfig;
    for (const [model, wide] of [
      ['unet', (width: number) => ({ ...unet, width })],
      ['retinanet', (width: number) => ({ ...retinanet, backbone: { ...retinanet.backbone, width } })],
    ] as const) {
      await expect(attempt({ config: wide(4096) }, model)).rejects.toThrow(DeviceLimitError);
      await expect(attempt({ config: wide(0) }, model)).rejects.toThrow(/width: /);
    }
    await expect(attempt({ config: { ...unet, numClasses: 256 } })).rejects.toThrow(/numClasses: /);
  });

  it('are errors of the command line too', async () => {
    const data = join(folder, 'data');
    const run = (change: object) =>
      trainCommand({ task: 'detect', data, out: join(folder, 'no.safetensors'), ...change });
    await expect(run({ crop: 65536 })).rejects.toThrow(DeviceLimitError);
    await expect(run({ size: 1e9, crop: 32, epochs: 1 })).rejects.toThrow(DataError);
    await expect(run({ width: 2048 })).rejects.toThrow(DeviceLimitError);
    expect(existsSync(join(folder, 'no.safetensors'))).toBe(false);
  });
});
