import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { evalCommand } from '../../cli/src/commands/eval.ts';
import { detectCommand, segmentCommand } from '../../cli/src/commands/predict.ts';
import { trainCommand } from '../../cli/src/commands/train.ts';
import { loadFolder, loadLabelme } from '../../cli/src/samples.ts';
import type { Sample } from '../../src/data/dataset.ts';
import { formatLabelme } from '../../src/data/formats/labelme/format.ts';
import { parseLabelme, toAnnotation } from '../../src/data/formats/labelme/labelme.ts';
import { decodeWeights } from '../../src/io/checkpoint.ts';
import { scene } from '../tasks/scenes.ts';

let root: string;
let data: string;

/** An image in another form than 8-bit RGB PNG, named by the same annotation. */
async function writeAs(sample: Sample, extension: string, make: (image: Sharp) => Sharp): Promise<void> {
  const { width, height, data: pixels } = sample.image;
  const bytes = Uint8Array.from(pixels, (value) => Math.round(value * 255));
  const imagePath = `${sample.name}.${extension}`;
  await make(sharp(bytes, { raw: { width, height, channels: 3 } })).toFile(join(data, imagePath));
  await writeFile(join(data, `${sample.name}.json`), formatLabelme(sample.annotation, { imagePath }));
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-commands-'));
  data = await mkdtemp(join(root, 'data-'));
  const crate = (x: number, y: number, side: number) =>
    ({ kind: 'crate', box: [x, y, x + side, y + side] }) as const;
  const ball = (x: number, y: number, radius: number) => ({ kind: 'ball', centre: [x, y], radius }) as const;
  // Larger than --size, smaller than the crop, wide and tall.
  await writeAs(scene('large', [crate(20, 30, 60), ball(150, 70, 35)], 211, 130), 'jpg', (image) =>
    image.jpeg(),
  );
  await writeAs(scene('small', [ball(12, 12, 9)], 26, 30), 'png', (image) => image.greyscale());
  await writeAs(scene('wide', [crate(5, 5, 20), crate(60, 8, 24)], 100, 40), 'png', (image) =>
    image.toColourspace('rgb16'),
  );
  await writeAs(scene('tall', [ball(20, 60, 15)], 40, 90), 'webp', (image) => image.ensureAlpha(0.5));
  // Without an annotation: not for training.
  await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } }).toFile(
    join(data, 'other.png'),
  );
});
afterAll(() => rm(root, { recursive: true, force: true }));

const images = (): string[] => ['large.jpg', 'tall.webp', 'other.png'].map((name) => join(data, name));

describe('a folder of different images', () => {
  it('is read as it is, or shrunk', async () => {
    const samples = await loadFolder(data);
    expect(samples.map(({ name }) => name)).toEqual(['large', 'small', 'tall', 'wide']);
    const shrunk = await loadFolder(data, 96);
    expect(shrunk.map(({ image }) => [image.width, image.height])).toEqual([
      [96, 59],
      [26, 30],
      [40, 90],
      [96, 38],
    ]);
    for (const { image, annotation } of shrunk) {
      expect([annotation.width, annotation.height]).toEqual([image.width, image.height]);
    }
  });

  it.each(['detect', 'segment'] as const)('trains, predicts and is measured: %s', async (task) => {
    const printed: string[] = [];
    const write = vi
      .spyOn(process.stdout, 'write')
      .mockImplementation((text) => printed.push(String(text)) > 0);
    const model = join(root, `${task}.safetensors`);
    const out = join(root, task);
    try {
      // 211x130 shrinks to 96x59: 1.4 crops of 64x64; the others count as one each: 4 crops an epoch, 2 a step.
      await trainCommand({
        task,
        data,
        out: model,
        epochs: 2,
        boxesAsMasks: true,
        size: 96,
        crop: 64,
        batch: 2,
        width: 4,
      });
      const { metadata } = decodeWeights(await readFile(model), model);
      expect(metadata).toMatchObject({
        classNames: ['ball', 'crate'],
        preprocessing: { maxSide: 96 },
        config: task === 'detect' ? { backbone: { width: 4 } } : { width: 4 },
      });
      if (task === 'detect') await detectCommand(model, images(), { out, threshold: 0 });
      else await segmentCommand(model, images(), { out });
      const json = join(out, 'metrics.json');
      const report = join(out, 'report.html');
      await evalCommand(model, { data, json, report });
      expect(await readFile(report, 'utf8')).toMatch(
        task === 'detect' ? /Which threshold/ : /Confusion of pixels/,
      );
      await rm(report);
      const metrics = JSON.parse(await readFile(json, 'utf8'));
      if (task === 'detect') {
        const counts = metrics.perClass.map((row: { label: string; groundTruths: number }) => [
          row.label,
          row.groundTruths,
        ]);
        expect(counts).toEqual([
          ['ball', 3],
          ['crate', 3],
        ]);
      } else expect(metrics.perClass.map(({ label }: { label: string }) => label)).toEqual(['ball', 'crate']);
    } finally {
      write.mockRestore();
    }
    expect(printed.filter((line) => line.startsWith(data))).toHaveLength(3);
    const names = ['large', 'other', 'tall'].flatMap((name) => [`${name}.json`, `${name}_drawn.png`]);
    expect((await readdir(out)).sort()).toEqual([...names, 'metrics.json'].sort());
    for (const image of images()) {
      const name = image.replace(/.*\/(.*)\..*/, '$1');
      const file = join(out, `${name}.json`);
      const text = await readFile(file, 'utf8');
      const document = JSON.parse(text);
      const { width, height } = await sharp(image).metadata();
      expect([document.imageWidth, document.imageHeight]).toEqual([width, height]);
      if (task === 'detect' && name !== 'other') expect(document.shapes.length).toBeGreaterThan(0);
      if (document.shapes.length === 0) continue;
      // As Labelme would: the annotation with the image that it names.
      const { annotation } = await loadLabelme(file);
      for (const { box } of annotation.shapes) {
        expect(box[0] >= 0 && box[1] >= 0 && box[2] <= width && box[3] <= height).toBe(true);
      }
      // Loading counts a shape once; boxes that reach beyond a small image can be cut to the same one.
      const whole = await toAnnotation(parseLabelme(text, file), file);
      const shapes = new Map(whole.shapes.map((shape) => [JSON.stringify(shape), shape]));
      expect(annotation).toEqual({ ...whole, shapes: [...shapes.values()] });
    }
  });
});
