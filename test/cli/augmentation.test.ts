import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AugmentationOptions } from '../../cli/src/augmentation.ts';
import { evalCommand } from '../../cli/src/commands/eval.ts';
import { UsageError } from '../../src/errors.ts';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { UNet } from '../../src/models/unet.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { initialWeights, twoScene, writeScene } from '../tasks/scenes.ts';
import { foveaHere } from './here.ts';

let root: string;
let data: string;
let detector: string;
let segmenter: string;
const classNames = ['ball', 'crate'];
const preprocessing = { maxSide: 64 };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-augmentation-'));
  data = join(root, 'data');
  detector = join(root, 'detector.safetensors');
  segmenter = join(root, 'segmenter.safetensors');
  await writeScene(data, twoScene(48));
  const backbone = { ...SMALL_RESNET, width: 4 };
  const detects = new RetinaNet({ backbone, pyramidWidth: 8, numClasses: 2, seed: 0 });
  // As sure as not of everything.
  detects.head.classification_head.cls_logits.bias!.state.initial.fill(0);
  const named = { name: 'retinanet', model: detects, classNames, preprocessing } as const;
  await saveWeights(detector, initialWeights(detects), metadataOf(named));
  const segments = new UNet({ width: 4, numClasses: 3, seed: 0 });
  const other = { name: 'unet', model: segments, classNames, preprocessing } as const;
  await saveWeights(segmenter, initialWeights(segments), metadataOf(other));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('several views of an image', () => {
  const metrics = async (options: AugmentationOptions): Promise<unknown> => {
    const json = join(root, 'metrics.json');
    const write = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    try {
      await evalCommand(detector, { data, json, ...options });
    } finally {
      write.mockRestore();
    }
    return JSON.parse(await readFile(json, 'utf8'));
  };

  it('are measured', async () => {
    const once = await metrics({});
    expect(await metrics({ scales: [1] })).toEqual(once);
    expect(await metrics({ scales: [0.75, 1], flip: true, merge: 'wbf' })).not.toEqual(once);
  });

  it('are looked at by fovea detect', async () => {
    const out = join(root, 'out');
    const found = await foveaHere(
      ...['detect', detector, join(data, 'two.png'), '--out', out, '--threshold', '0.1'],
      ...['--scales', '1, 1.5', '--flip', '--merge', 'wbf'],
    );
    expect(found.code, found.stderr).toBe(0);
    expect(found.stdout).toMatch(/two\.png: \d+ (ball|crate)/);
    expect((await readdir(out)).sort()).toEqual(['two.json', 'two_drawn.png']);
  });

  it('are for detectors, and what merges them needs them', async () => {
    await expect(evalCommand(segmenter, { data, flip: true })).rejects.toThrow(UsageError);
    await expect(evalCommand(segmenter, { data, flip: true })).rejects.toThrow(
      /this is a segmentation model; --scales/,
    );
    await expect(evalCommand(detector, { data, merge: 'wbf' })).rejects.toThrow(
      /--merge wbf needs several views of an image; add --scales or --flip/,
    );
    for (const list of ['0', '1,,2', '1,big', '-1', '']) {
      const { code, stderr } = await foveaHere('eval', detector, '--data', data, `--scales=${list}`);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/give positive numbers, such as 0\.75,1,1\.25/);
    }
  });
});
