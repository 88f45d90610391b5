import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readClassWeights } from '../../cli/src/classWeights.ts';
import { applyConfig, configText } from '../../cli/src/config.ts';
import { configOf } from '../../cli/src/runRecord.ts';
import { learningOptions, type TrainOptions, trainOptions } from '../../cli/src/trainOptions.ts';
import { CifarResNet } from '../../src/models/cifarResnet.ts';
import { UNet } from '../../src/models/unet.ts';
import { defaultSettings } from '../../src/tasks/settings.ts';
import { trainingRecord } from '../../src/tasks/trainingRecord.ts';
import { twoScene } from '../tasks/scenes.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The options of `fovea train`, of a command line and a file. */
async function optionsOf(text: string, args: readonly string[] = [], name = 'a.toml'): Promise<TrainOptions> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  const command = trainOptions(learningOptions(new Command('train'))).exitOverride();
  command.hook('preAction', (_, own) => applyConfig(own)).action(() => {});
  await command.parseAsync([...args, '--config', file], { from: 'user' });
  const { config: _, ...options } = command.opts();
  return options;
}

describe('--config', () => {
  it('has every kind of option, as the command line would have them', async () => {
    const text = [
      'data = "images"\nmodel = "unet"\nepochs = 3\nlr = 0.01\namp = true\nema = 0.9\nval = 0.3',
      'freeze = ["down.*", "up.*"]\nskip-batches = [2, 5]\nweight-decay = 1e-3\nfreeze-epochs = 2',
      '[class-weights]\ncoin = 2\n[[augment]]\nname = "flip"\n',
    ].join('\n');
    const expected = {
      ...{ data: 'images', model: 'unet', epochs: 3, lr: 0.01, amp: true, ema: 0.9 },
      val: { kind: 'share', share: 0.3 },
      ...{ freeze: ['down.*', 'up.*'], skipBatches: [2, 5], weightDecay: 1e-3, freezeEpochs: 2 },
      ...{ classWeights: { coin: 2 }, augment: [{ name: 'flip' }] },
    };
    expect(await optionsOf(text)).toEqual(expected);
  });

  it('JSON says the same', async () => {
    expect(await optionsOf('{ "epochs": 3, "ema": true, "amp": false }', [], 'a.json')).toEqual({
      ...{ epochs: 3, ema: true, amp: false },
    });
  });

  it('the command line wins, also over what contradicts it', async () => {
    expect(await optionsOf('lr = 0.1\nseed = 3', ['--lr', '0.5'])).toEqual({ lr: 0.5, seed: 3 });
    expect(await optionsOf('epochs = 4', ['--steps', '7'])).toEqual({ steps: 7 });
    expect(await optionsOf('model = "unet"', ['--task', 'detect'])).toEqual({ task: 'detect' });
  });

  it.each([
    ['epoch = 3', 'epoch is no option of fovea train that a file can set; did you mean epochs?'],
    ['lerning-rate = 1', 'lerning-rate is no option'],
    ['weightDecay = 1', 'did you mean weight-decay?'],
    ['resume = true', 'resume is no option of fovea train that a file can set'],
    ['epochs = 1.5', 'epochs is 1.5; give a whole number of 1 or more'],
    ['schedule = "linear"', 'schedule is "linear"; Allowed choices are one-cycle'],
    ['amp = "yes"', 'amp is "yes"; give true or false'],
    ['lr = true', 'lr is true; give what --lr <rate> takes'],
    ['lr = ', 'is not TOML'],
  ])('%s is refused', async (text, message) => {
    await expect(optionsOf(text)).rejects.toThrow(message);
  });

  it('takes TOML and JSON alone', async () => {
    await expect(optionsOf('', [], 'a.yaml')).rejects.toThrow('give a .toml or .json file');
    await expect(optionsOf('[1]', [], 'a.json')).rejects.toThrow('holds no names with values');
  });
});

describe('what ran', () => {
  const samples = [twoScene(32)];
  const settings = defaultSettings('unet', samples, {
    ...{ width: 4, cropSize: 32, steps: 30, optimizer: 'sgd', schedule: 'step', warmup: 3, ema: true },
    ...{ classWeights: 'auto', freeze: ['down.*'], best: 'val_dice', patience: 4, accumulate: 2 },
  });
  const model = new UNet({ width: 4, numClasses: 3, seed: 0 });
  const preprocessing = { maxSide: 64 };
  const trained = { name: 'unet', model, classNames: ['ball', 'crate'], preprocessing } as const;
  const run = { fovea: '0', adapter: 'none', images: { train: 1, valid: 0 } };
  const record = trainingRecord({ ...run, note: { data: 'x', width: 4 } }, settings, { step: 30 });

  it.each(['toml', 'json'] as const)('as %s gives the same settings again', async (format) => {
    const options = await optionsOf(configText(configOf(trained, record), format), [], `again.${format}`);
    const {
      data,
      model: name,
      size,
      crop,
      batch,
      best,
      augment,
      classWeights,
      val,
      freeze,
      ...rest
    } = options;
    expect({ data, name, size, crop, batch, val }).toEqual({
      ...{ data: 'x', name: 'unet', size: settings.maxSide, crop: 32, batch: 4 },
      val: { kind: 'share', share: 0 },
    });
    const again = defaultSettings('unet', samples, {
      ...(rest as object),
      ...{ cropSize: crop!, best: `val_${best}`, augment: augment as never, freeze: freeze! },
      classWeights: await readClassWeights(classWeights!),
    });
    expect(again).toEqual(settings);
  });
});

describe('--label-smoothing', () => {
  it('is a share, on the command line, in a file, and in what ran', async () => {
    const samples = [{ label: 'cat' }, { label: 'dog' }];
    const settings = defaultSettings('resnet-cifar', samples, { labelSmoothing: 0.2, steps: 3 });
    const model = new CifarResNet({ numClasses: 2, seed: 0 });
    const preprocessing = { size: [32, 32], normalization: 'none' };
    const trained = { name: 'resnet-cifar', model, classNames: ['cat', 'dog'], preprocessing } as never;
    const run = { fovea: '0', adapter: 'none', images: { train: 2, valid: 0 } };
    // As it is read from the file of a model.
    const written = JSON.stringify(trainingRecord({ ...run, note: { data: 'x' } }, settings, { step: 3 }));
    const config = configOf(trained, JSON.parse(written));
    expect((await optionsOf(configText(config, 'toml'))).labelSmoothing).toBe(0.2);
    expect((await optionsOf('label-smoothing = 0.1')).labelSmoothing).toBe(0.1);
    expect((await optionsOf('label-smoothing = 0.1', ['--label-smoothing', '0'])).labelSmoothing).toBe(0);
    await expect(optionsOf('label-smoothing = 2')).rejects.toThrow('give a number from 0 to 1');
  });
});

describe('--class-weights', () => {
  it('takes names with weights, files and tables', async () => {
    const file = path.join(folder, 'weights.json');
    await writeFile(file, '{ "a=b": 2 }');
    expect(await readClassWeights('auto')).toBe('auto');
    expect(await readClassWeights('background=0.5, a=b=2')).toEqual({ background: 0.5, 'a=b': 2 });
    expect(await readClassWeights(file)).toEqual({ 'a=b': 2 });
  });

  it.each([
    ['coin', 'coin is no name with a weight'],
    ['coin=', 'coin= is no name with a weight'],
    ['coin=0', 'coin has the weight 0; give a number above 0'],
    ['coin=x', 'coin has the weight null'],
  ])('%s is refused', async (given, message) => {
    await expect(readClassWeights(given)).rejects.toThrow(message);
  });
});
