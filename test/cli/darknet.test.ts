import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../cli/src/modelFiles.ts';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { UNet } from '../../src/models/unet.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { initialWeights } from '../tasks/scenes.ts';

const fixtures = path.join(import.meta.dirname, '../fixtures/darknet');
const cfg = path.join(fixtures, 'small.cfg');
const weights = path.join(fixtures, 'small.weights');
let folder: string;
let names: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-darknet-'));
  names = path.join(folder, 'small.names');
  await writeFile(names, 'cup\nball\n\nbox\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("Darknet's files as a model", () => {
  it('are a detector with its classes, for images of the size in the .cfg', async () => {
    const { classNames, trained } = await readModel(cfg, { weights, names });
    expect([trained?.name, trained?.model.training]).toEqual(['yolov3', false]);
    expect(classNames).toEqual(['cup', 'ball', 'box']);
    expect(trained?.preprocessing).toEqual({ size: [64, 96], fit: 'letterbox' });
    const { trained: other } = await readModel(cfg, { weights, names, fit: 'stretch' });
    expect(other?.preprocessing).toEqual({ size: [64, 96], fit: 'stretch' });
  });

  it('name classes by numbers where there is no list', async () => {
    expect((await readModel(cfg, { weights })).classNames).toEqual(['0', '1', '2']);
  });

  it('are refused without weights, and with those or the names of another network', async () => {
    await expect(readModel(cfg, {})).rejects.toThrow('without its weights; name their file (--weights)');
    await expect(readModel(cfg, { weights: names })).rejects.toThrow('is not a .weights file');
    await writeFile(path.join(folder, 'two.names'), 'cup\nball\n');
    await expect(readModel(cfg, { weights, names: path.join(folder, 'two.names') })).rejects.toThrow(
      'it has 3 classes, but there are 2 names',
    );
  });

  it('have options that other models do not take', async () => {
    const file = path.join(folder, 'unet.safetensors');
    const model = new UNet({ width: 4, numClasses: 2, seed: 0 });
    const trained = { name: 'unet', model, classNames: ['a'], preprocessing: { maxSide: 64 } } as const;
    await saveWeights(file, initialWeights(model), metadataOf(trained));
    expect((await readModel(file, {})).trained?.name).toBe('unet');
    await expect(readModel(file, { weights })).rejects.toThrow('which --weights is not for; leave it out');
  });
});
