import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateDetections } from '../../src/vision/metrics/detection.ts';
import { detectionErrors } from '../../src/vision/metrics/detectionErrors.ts';
import type { DetectorEvaluation, Evaluation } from '../../web/src/studio/learn/judged.ts';
import { launchBrowser, openPage } from '../browser/browser.ts';
import { classifierFile, detectorFile, segmenterFile } from './modelFiles.ts';
import { buildPage, ORIGIN, serveFolder } from './pageBuild.ts';
import type {} from './pages/models.ts';

const coins = path.join(import.meta.dirname, '../../examples/coins');

let browser: Browser;
let folder: string;
let context: BrowserContext;
let page: Page;
const thrown: string[] = [];

/** What the worker keeps for the test: the devices that it has opened. */
interface Opened {
  readonly devices: GPUDevice[];
}

/** Three pictures; a detector, a segmenter and a classifier. */
async function makeProject(): Promise<void> {
  const files = [
    { name: 'detector.safetensors', task: 'detect', bytes: await detectorFile() },
    { name: 'segmenter.safetensors', task: 'segment', bytes: await segmenterFile() },
    { name: 'classifier.safetensors', task: 'classify', bytes: await classifierFile() },
  ] as const;
  const texts = files.map(({ bytes, ...file }) => ({
    ...file,
    base64: Buffer.from(bytes).toString('base64'),
  }));
  const image = readFileSync(path.join(coins, 'coins.png')).toString('base64');
  const labels = readFileSync(path.join(coins, 'coins.json'), 'utf8');
  await page.evaluate(
    async ([image, labels, texts]) => {
      const bytes = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
      const files = texts.map(({ base64, ...file }) => ({ ...file, bytes: bytes(base64) }));
      const blob = new Blob([bytes(image)], { type: 'image/png' });
      window.made = await window.tools.makeProject(blob, labels, 3, files);
    },
    [image, labels, texts] as const,
  );
}

beforeAll(async () => {
  folder = await buildPage('models');
  browser = await launchBrowser();
  context = await browser.newContext();
  await serveFolder(context, folder);
  page = await openPage(context);
  page.on('pageerror', (error) => thrown.push(error.message));
  const started = page.waitForEvent('worker');
  await page.goto(`${ORIGIN}models.html`);
  await page.waitForFunction(() => window.tools !== undefined);
  await (await started).evaluate(() => {
    const devices: GPUDevice[] = [];
    Object.assign(globalThis, { devices });
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...all) {
      const device = await request.apply(this, all);
      devices.push(device);
      return device;
    };
  });
  await makeProject();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(thrown).toEqual([]);
});

/** Judges one of the models by all pictures, or the error. */
const evaluation = (model: number): Promise<Evaluation> =>
  page.evaluate((model) => {
    const { models, pictures } = window.made;
    return window.tools.runner.evaluate(models[model]!, pictures);
  }, model);

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('models in a worker', () => {
  it('finds the same in a picture of the project, in a file and in frames', async () => {
    const found = await page.evaluate(async () => {
      const { runner, store } = window.tools;
      const { models, pictures } = window.made;
      const [detector, segmenter, classifier] = models as [string, string, string];
      const picture = pictures[0]!;
      const file = await store.fileOf(await store.picture(picture));
      const bitmap = () => createImageBitmap(file, { colorSpaceConversion: 'none' });
      // Of pixels: Chromium without a GPU does not survive a frame of a bitmap on its way to WebGPU.
      const canvas = new OffscreenCanvas(384, 303);
      const drawing = canvas.getContext('2d', { willReadFrequently: true })!;
      drawing.drawImage(await bitmap(), 0, 0);
      const { data, width: codedWidth, height: codedHeight } = drawing.getImageData(0, 0, 384, 303);
      const frame = new VideoFrame(data, { format: 'RGBA', codedWidth, codedHeight, timestamp: 0 });
      const twice = { resizeWidth: 768, resizeHeight: 606 };
      const sources = [picture, file, await bitmap(), frame] as const;
      const all = [];
      for (const source of sources) all.push(await runner.predict(detector, source));
      const large = await createImageBitmap(file, twice);
      const map = await runner.predict(segmenter, picture);
      const ofLarge = await runner.predict(segmenter, large);
      const classes = await runner.predict(classifier, picture);
      const few = await runner.predict(detector, picture, { scoreThreshold: 0.9 });
      return { all, map, large: ofLarge, classes, few, closed: frame.format === null };
    });
    const [first, ...others] = found.all;
    expect(first).toMatchObject({ task: 'detect', width: 384, height: 303 });
    if (first?.task !== 'detect') throw new Error('no detections');
    expect(first.detections.length).toBeGreaterThan(5);
    expect(first.detections[0]).toMatchObject({ label: 'coin', score: expect.any(Number) });
    for (const other of others) {
      if (other.task !== 'detect') throw new Error('no detections');
      expect(other.detections.length).toBe(first.detections.length);
    }
    expect(found.few).toMatchObject({ detections: [] });
    expect(found.map).toMatchObject({ classNames: ['coin'], map: { width: 384, height: 303 } });
    expect(found.large).toMatchObject({ width: 768, height: 606, map: { width: 768, height: 606 } });
    if (found.classes.task !== 'classify') throw new Error('no classes');
    expect(found.classes.classes.map(({ label }) => label).sort()).toEqual(['coin', 'note']);
    expect(found.classes.classes.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);
    expect(found.closed).toBe(true);
  });

  it('judges a detector with what the library computes, and again at another threshold', async () => {
    const judged = (await evaluation(0)) as DetectorEvaluation;
    expect(judged).toMatchObject({ task: 'detect', classNames: ['coin'], leftOut: 0, unknown: [] });
    expect(judged.pictures.map(({ name }) => name)).toEqual(['coins 0.png', 'coins 1.png', 'coins 2.png']);
    expect(judged.images.map(({ groundTruth }) => groundTruth.length)).toEqual([24, 24, 24]);
    const result = evaluateDetections(judged.images, { classes: ['coin'] });
    expect(judged.result).toEqual(result);
    expect(judged.coco.perClass[0]).toMatchObject({ label: 'coin', groundTruths: 72 });
    for (const threshold of [0.3, 0.72]) {
      const mistakes = await page.evaluate(
        ([judged, threshold]) => window.tools.mistakesAt(judged, threshold),
        [judged, threshold] as const,
      );
      const errors = detectionErrors(judged.images, { classes: ['coin'], scoreThreshold: threshold });
      expect(mistakes.counts).toEqual(errors.counts);
      expect(mistakes.pictures.map(({ wrong }) => wrong)).toEqual(errors.images.map(({ total }) => total));
      for (const { found, objects, correct, counts } of mistakes.pictures) {
        expect(found.filter(({ verdict }) => verdict === 'right').length).toBe(correct);
        expect(objects.filter(({ verdict }) => verdict === 'missed').length).toBe(counts.missed);
      }
      expect(mistakes.confusion.names).toEqual(['coin', 'background']);
    }
  });

  it('judges a segmenter and a classifier', async () => {
    const segmenter = await evaluation(1);
    if (segmenter.task !== 'segment') throw new Error('no segmenter');
    expect(segmenter.confusion.counts.flat().reduce((a, b) => a + b)).toBe(3 * 384 * 303);
    expect(segmenter.pictures).toHaveLength(3);
    expect(segmenter.pictures[0]!.iou).toBeCloseTo(segmenter.iou, 10);
    expect(segmenter.pictures[0]!.wrong).toBeCloseTo(1 - segmenter.iou, 10);
    const classifier = await evaluation(2);
    if (classifier.task !== 'classify') throw new Error('no classifier');
    const [row] = classifier.confusion.counts;
    expect(row!.reduce((a, b) => a + b)).toBe(3);
    expect(classifier.accuracy).toBe(row![0]! / 3);
    expect(classifier.pictures[0]).toMatchObject({ label: 'coin', own: expect.any(Number) });
  });

  it('tells how far it is, and stops when it is told to', async () => {
    const told = await page.evaluate(async () => {
      const { runner } = window.tools;
      const { models, pictures } = window.made;
      const progress: (readonly [number, number])[] = [];
      await runner.evaluate(models[0]!, pictures, { onProgress: (...at) => progress.push(at) });
      const abort = new AbortController();
      const many = Array.from({ length: 50 }, () => pictures).flat();
      const stopped = await runner
        .evaluate(models[0]!, many, { onProgress: () => abort.abort(), signal: abort.signal })
        .then(
          () => 'it went on',
          (error: Error) => error.name,
        );
      const after = await runner.predict(models[0]!, pictures[0]!);
      return { progress, stopped, after: after.task };
    });
    expect(told.progress).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(told.stopped).toBe('AbortError');
    expect(told.after).toBe('detect');
  });

  it('says in its own words what cannot be opened', async () => {
    const failures = await page.evaluate(async () => {
      const { runner } = window.tools;
      const { models, pictures } = window.made;
      const broken = new File(['no model at all'], 'notes.safetensors');
      const calls = [
        runner.describe(broken),
        runner.predict('not there', pictures[0]!),
        runner.predict(models[0]!, new File(['no picture'], 'one.png')),
        runner.predict({ id: 'brought', file: broken }, pictures[0]!),
        runner.evaluate(models[0]!, []),
      ];
      return Promise.all(
        calls.map((call) =>
          call.then(
            () => 'it did not fail',
            ({ name, message }: Error) => `${name}: ${message}`,
          ),
        ),
      );
    });
    expect(failures[0]).toMatch(/^DataError: notes\.safetensors: /);
    expect(failures[1]).toBe(
      'StoreError: opening the model: the model is not there; it may have been removed in another tab',
    );
    expect(failures[2]).toMatch(/^DataError: one\.png: not a picture that this browser can read/);
    expect(failures[3]).toMatch(/^DataError: notes\.safetensors: /);
    expect(failures[4]).toMatch(/^RangeError: judging the model: there are no pictures/);
  });

  it('goes on with a new GPU after one was lost', async () => {
    const lose = () =>
      page.workers()[0]!.evaluate(() => (globalThis as unknown as Opened).devices.at(-1)!.destroy());
    const count = () => page.workers()[0]!.evaluate(() => (globalThis as unknown as Opened).devices.length);
    const opened = await count();
    await lose();
    await page.evaluate(() => window.tools.runner.predict(window.made.models[0]!, window.made.pictures[0]!));
    expect(await count()).toBe(opened + 1);
    // In the middle of an evaluation, what was lost is done again.
    const judging = page.evaluate(() => {
      const { models, pictures } = window.made;
      const many = Array.from({ length: 8 }, () => pictures).flat();
      const onProgress = (done: number) => {
        window.progress = done;
      };
      return window.tools.runner.evaluate(models[0]!, many, { onProgress });
    });
    await page.waitForFunction(() => window.progress >= 1);
    await lose();
    expect(await judging).toMatchObject({ pictures: { length: 24 } });
    expect(await count()).toBe(opened + 2);
  });
});
