import type { BrowserContext, Page } from 'playwright-core';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodePng } from '../../cli/src/images.ts';
import type { Sample } from '../../src/data/dataset.ts';
import { imageFromBytes } from '../../src/data/image.ts';
import { encodeWeights } from '../../src/io/checkpoint.ts';
import { train } from '../../src/learn/train.ts';
import { openModel } from '../../src/open/index.ts';
import type { DetectionEvaluation } from '../../src/tasks/detectionEvaluator.ts';
import { evaluateDetector, evaluateSegmenter } from '../../src/tasks/evaluate.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import type { SegmentationEvaluation } from '../../src/tasks/segmentationEvaluator.ts';
import type { LabelObject, Picture, ProjectTask, Training } from '../../web/src/studio/project/model.ts';
import type { ModelSource } from '../../web/src/studio/store/modelsFile.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { type Figure, scene, settingsFor, twoFigures, twoScene, withNorm } from '../tasks/scenes.ts';
import { coinsProject, type Given, openProjectFile } from './exportProject.ts';
import { classifierFile, segmenterFile } from './modelFiles.ts';
import { axeFaults, enterRoom, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;
/** A detector that was trained a little, a segmenter and a classifier that know nothing. */
let files: Readonly<Record<ProjectTask, Uint8Array>>;
/** What the detector and the segmenter are worth by the pictures of the part valid, computed here. */
let detected: DetectionEvaluation;
let segmented: SegmentationEvaluation;
let given: Given[];

const CLASSES = ['ball', 'crate'].map((name, i) => ({ id: name, name, color: `#ff00${i}0`, key: '' }));
for (const one of CLASSES) one.color = one.name === 'ball' ? '#2255ff' : '#dd3311';

const moved: readonly Figure[] = [
  { kind: 'ball', centre: [18, 18], radius: 14 },
  { kind: 'crate', box: [34, 30, 60, 56] },
];
/** One that is learned from; two to judge by, as it was learned and with the figures elsewhere; one for classifiers. */
const scenes = [
  ...[twoScene(64), scene('same', twoFigures(64), 64), scene('moved', moved, 64)],
  scene('ball', moved.slice(0, 1), 64),
];

const objectsOf = ({ annotation }: Sample): LabelObject[] =>
  annotation.shapes.map(({ label, box, points }, i) => ({
    ...{ id: String(i), classId: label },
    shape: points
      ? { kind: 'polygon', points }
      : { kind: 'box', box: [...box] as [number, number, number, number] },
  }));

/** The sample as the studio reads it from a PNG. */
async function decoded(sample: Sample, png: Buffer): Promise<Sample> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { ...sample, image: imageFromBytes(data, info) };
}

function modelsOf(pictures: readonly Picture[]): ModelSource {
  const tasks = ['detect', 'segment', 'classify'] as const;
  const training: Training = {
    ...{ id: 't', project: 'p', name: 'two', created: 1, task: 'detect', state: 'finished' },
    settings: settingsFor('retinanet', scenes),
    ...{ train: [pictures[0]!.id], valid: [pictures[1]!.id], step: 40, losses: [2, 1], epochs: [], spent: 1 },
    model: 'detect',
  };
  const models = tasks.map((task, i) => ({
    ...{ id: task, project: 'p', name: `${task} <i>`, created: 10 - i, task, file: `${task}.safetensors` },
    ...{ size: files[task].length, classNames: ['ball', 'crate'] },
    ...(task === 'detect' ? { training: 't' } : {}),
  }));
  return {
    ...{ models, trainings: [training] },
    fileOf: async ({ task }) => new Blob([new Uint8Array(files[task])]),
  };
}

beforeAll(async () => {
  const gpu = await sharedGpu();
  const options = { width: 8, batchSize: 1, steps: 40, lr: 0.01 };
  const learned = scenes.slice(0, 1);
  const settings = withNorm(settingsFor('retinanet', learned, options), 'group');
  const { trained, weights } = await train(gpu, learned, settings);
  files = {
    detect: encodeWeights(weights, metadataOf(trained)),
    segment: await segmenterFile(['ball', 'crate'], 64),
    classify: await classifierFile(['ball', 'crate']),
  };
  const pngs = await Promise.all(scenes.map(async ({ image }) => Buffer.from(await encodePng(image))));
  const samples = await Promise.all(scenes.map((one, i) => decoded(one, pngs[i]!)));
  const detector = (await openModel(files.detect)).detector(gpu);
  detected = await evaluateDetector(detector, samples.slice(1, 3));
  const segmenter = (await openModel(files.segment)).segmenter(gpu);
  // What is known by a box only is neither right nor wrong for masks.
  const outlines = samples.slice(1, 3).map((one) => ({
    ...one,
    annotation: {
      ...one.annotation,
      shapes: one.annotation.shapes.filter(({ points }) => points),
      ignored: one.annotation.shapes.filter(({ points }) => !points).map(({ box }) => ({ box })),
    },
  }));
  segmented = await evaluateSegmenter(segmenter, outlines);
  given = scenes.map((one, i) => ({
    ...{ name: `${one.name}.png`, split: (['train', 'valid', 'valid', 'test'] as const)[i]!, file: pngs[i]! },
    objects: objectsOf(one),
  }));
});
beforeEach(async () => {
  context = await studio.visitor();
  page = await studio.open(context);
  const zip = await coinsProject({ name: 'Two', task: 'detect', classes: CLASSES }, given, modelsOf);
  await openProjectFile(page, zip);
  await enter();
  return () => studio.leave(context);
});

const enter = () => enterRoom(page, 'Judge');
const run = () => page.getByRole('button', { name: /^Judge/ }).click();
const choose = (label: string, option: string | RegExp) =>
  page
    .getByRole('combobox', { name: label })
    .locator('option', { hasText: option })
    .evaluate((one: HTMLOptionElement) => {
      const select = one.closest('select')!;
      select.value = one.value;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    });

/** The numbers in all, by their names. */
const totals = (): Promise<Record<string, string>> =>
  page
    .locator('.totals > div')
    .evaluateAll((all) =>
      Object.fromEntries(all.map((one) => [one.children[0]!.textContent, one.children[1]!.textContent])),
    );
/** A table's body, as text. */
const rowsOf = (caption: string): Promise<string[][]> =>
  page
    .locator('table', { hasText: caption })
    .locator('tbody tr')
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? '')));

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the room that judges', () => {
  it('has the numbers of evaluateDetector, and leads to the labels and back', async () => {
    await page.getByText('valid (2 pictures)').waitFor({ state: 'attached' });
    await run();
    await page.locator('.totals').waitFor();
    const { result, coco } = detected;
    expect(result.ap50).toBeGreaterThan(0.3);
    expect(await totals()).toMatchObject({ AP: coco.ap.toFixed(3), 'AP at IoU 0.5': result.ap50.toFixed(3) });
    expect(await rowsOf('By class')).toEqual(
      result.perClass.map(({ label, ap, ap50, groundTruths }) => [
        ...[label, ap.toFixed(3), ap50.toFixed(3), String(groundTruths)],
      ]),
    );
    await page.getByRole('img', { name: /^Precision over recall/ }).waitFor();
    const confusion = await rowsOf('What was taken for what');
    expect(confusion.map(([name]) => name)).toEqual(['ball', 'crate', 'background']);
    // None of these pictures was learned from.
    await expect.poll(() => page.getByText('has learned from').count()).toBe(0);
    expect(await axeFaults(page)).toEqual([]);

    const names = page.locator('.worst .name');
    expect(await names.allInnerTexts()).toEqual(['moved.png', 'same.png']);
    // Boxes are on both pictures.
    const drawn = () =>
      page
        .locator('.worst canvas')
        .evaluateAll((all) => all.map((one) => (one as HTMLCanvasElement).toDataURL()));
    await page.waitForFunction(() =>
      [...document.querySelectorAll<HTMLCanvasElement>('.worst canvas')].every(
        (one) => new Set(one.getContext('2d')!.getImageData(0, 0, one.width, one.height).data).size > 20,
      ),
    );
    const [labelled, found] = await drawn();
    expect(labelled).not.toBe(found);

    const worst = page.getByRole('link', { name: /^Mend the labels of moved\.png/ });
    await worst.click();
    await page.getByText('3 of 4').waitFor();
    await page.goBack();
    await worst.waitFor();
    expect(await worst.evaluate((link) => link === document.activeElement)).toBe(true);
    await expect.poll(() => page.getByText('have changed since').count()).toBe(0);
    await worst.click();
    await page.getByRole('button', { name: /^crate box/ }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: /^crate box/ }).waitFor({ state: 'detached' });
    await enter();
    await page.getByText('The labels of 1 picture have changed since').waitFor();
    await run();
    await page.getByText('have changed since').waitFor({ state: 'detached' });
    expect((await rowsOf('By class')).map((row) => row.at(-1))).toEqual(['2', '1']);
  });

  it('says what was learned from, judges at another threshold, and stops', async () => {
    await choose('Judged by', /^all/);
    await run();
    await page.getByText('The model has learned from 1 of these 4 pictures').waitFor();
    const mistakes = () => page.getByText(/\d+ right, \d+ mistakes?/).innerText();
    const before = await mistakes();
    await page.getByLabel('Score at least').fill('0.95');
    await page.waitForFunction(
      (text) => !document.querySelector('.results')!.textContent!.includes(text),
      before,
    );
    expect(await mistakes()).toMatch(/^\d right, \d mistakes?$/);

    // Results are kept by model and part.
    await choose('Judged by', /^valid/);
    await expect.poll(() => page.locator('.totals').count()).toBe(0);
    await choose('Judged by', /^all/);
    await page.locator('.totals').waitFor();

    await choose('Judged by', /^train/);
    await page.evaluate(() => {
      const press = () => {
        const stop = [...document.querySelectorAll('button')].find(
          ({ textContent }) => textContent === 'Stop',
        );
        if (stop) stop.click();
        else requestAnimationFrame(press);
      };
      press();
    });
    await run();
    await page.getByText('Stopped. Nothing was judged.').waitFor();
    await expect.poll(() => page.locator('.totals').count()).toBe(0);
  });

  it('judges segmenters and classifiers', async () => {
    await choose('Model', 'segment');
    await run();
    await page.locator('.totals').waitFor();
    expect(await totals()).toEqual({
      'mean IoU': segmented.iou.toFixed(3),
      'mean Dice': segmented.dice.toFixed(3),
      'pixels right': segmented.pixelAccuracy.toFixed(3),
    });
    await expect.poll(() => page.locator('.worst li').count()).toBe(2);
    expect(await axeFaults(page)).toEqual([]);
    // Of what shows one class, there is one picture.
    await choose('Model', 'classify');
    await choose('Judged by', /^all/);
    await run();
    await page.getByText('3 pictures left out: not of one class that the model knows').waitFor();
    expect((await totals()).accuracy).toMatch(/^[01]\.000$/);
    await page.getByText(/^ball, (?:and taken for it|taken for crate) \(\d+ %\)$/).waitFor();
  });
});
