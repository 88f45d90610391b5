import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserContext, Download, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { loadWeights } from '../../src/io/loadWeights.ts';
import { writeTorch } from '../../src/io/torch/write.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { exportOnnx } from '../../src/onnx/export/exportOnnx.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { serve } from '../browser/browser.ts';
import { classifierFile, detectorFile, segmenterFile } from './modelFiles.ts';
import {
  addPictures,
  axeFaults,
  type ChosenFile,
  COINS,
  chooser,
  coins,
  enterRoom,
  Studio,
} from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;

beforeEach(async () => {
  context = await studio.visitor({ acceptDownloads: true });
  // Whatever somebody has trained into out/, these tests start without a model.
  await context.route('**/model.safetensors', (route) => route.fulfill({ status: 404, body: 'none' }));
  page = await studio.open(context);
  return () => studio.leave(context);
});

const file = (name: string, bytes: Uint8Array): ChosenFile => ({
  ...{ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) },
});
const coinsFile: ChosenFile = { name: 'coins.png', mimeType: 'image/png', buffer: COINS };
const toRoom = (name: string) => enterRoom(page, name);
const bring = (given: ChosenFile) => chooser(page, 'Model from a file').setInputFiles([given]);
const look = (given: ChosenFile) => chooser(page, 'Picture or video').setInputFiles([given]);
const which = () => page.getByLabel('Which model');
const chosen = () => which().evaluate((select: HTMLSelectElement) => select.selectedOptions[0]?.text);
const caption = () => page.locator('.try-view figcaption');
const rows = () => page.locator('.try-results tbody tr');
const alert = () => page.locator('.try [role="alert"]');
/** That a model has looked at what is shown. */
const found = () => page.getByText(/^[\d.]+ s on SwiftShader.*\(software\)$/).waitFor();
const cells = () =>
  rows().evaluateAll((all) =>
    (all as HTMLTableRowElement[]).map(({ cells }) => Array.from(cells, (cell) => cell.textContent)),
  );
async function saved(button: string): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const waiting: Promise<Download> = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  const download = await waiting;
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

it('says what is missing or broken, and shows the picture all the same', async () => {
  await toRoom('Try');
  await page.getByText('No model yet').waitFor();
  await look(coinsFile);
  await expect.poll(() => alert().textContent()).toContain('There is no model yet');
  await expect.poll(() => caption().textContent()).toBe('coins.png · 384 × 303');
  expect(await page.locator('.try-view canvas').boundingBox()).toMatchObject({ width: expect.any(Number) });
  await look(file('broken.png', COINS.subarray(0, 40)));
  await alert().getByText('broken.png: not a picture that this browser can read').waitFor();
  await bring(file('broken.safetensors', Buffer.from('not a safetensors file')));
  await alert()
    .getByText(/^broken\.safetensors: /)
    .waitFor();
  await page.getByText('No model yet').waitFor();
});

it('detects with a file, draws and lists what it found, and saves it', async () => {
  await addPictures(page, [coins(1), coins(2)]);
  await toRoom('Try');
  await bring(file('random.safetensors', await detectorFile()));
  await page.getByText('finds objects · classes coin').waitFor();
  expect(await chosen()).toBe('random');
  await page.getByRole('link', { name: 'Next' }).click();
  await found();
  await page.getByLabel('Score at least').fill('0.05');
  const listed = await cells();
  expect(listed.length).toBeGreaterThan(0);
  for (const [i, [number, label, score, box]] of listed.entries()) {
    expect([number, label]).toEqual([String(i + 1), 'coin']);
    // sigmoid(1), give or take what random weights add.
    expect(Math.abs(Number(score) - 0.73)).toBeLessThan(0.15);
    const [x1, y1, x2, y2] = box!.split(/[^\d]+/).map(Number) as [number, number, number, number];
    expect(0 <= x1 && x1 <= x2 && x2 <= 384 && 0 <= y1 && y1 <= y2 && y2 <= 303, box!).toBe(true);
  }
  const count = listed.length;
  await expect.poll(() => caption().textContent()).toContain(`${count} of ${count} with score 0.05`);
  expect(await axeFaults(page)).toEqual([]);

  // A model that cannot be used leaves the one that is chosen.
  const pickle = Buffer.alloc(64, 7);
  pickle.set([0x80, 2]);
  await bring(file('wrong.safetensors', pickle));
  await alert()
    .getByText(/^wrong\.safetensors: pickle, before byte 3: /)
    .waitFor();
  expect(await chosen()).toBe('random');
  await expect.poll(() => rows().count()).toBe(count);

  const labelme = await saved('Save for Labelme');
  expect(labelme.name).toBe('coins 001.json');
  expect(JSON.parse(labelme.bytes.toString())).toMatchObject({
    ...{ imagePath: 'coins 001.png', imageWidth: 384, imageHeight: 303, shapes: { length: count } },
  });
  const coco = await saved('Save as COCO');
  expect(JSON.parse(coco.bytes.toString())).toMatchObject({
    images: [{ file_name: 'coins 001.png', width: 384, height: 303 }],
    annotations: { length: count },
    categories: [{ name: 'coin' }],
  });
  const drawn = await saved('Save as a picture');
  expect(drawn.name).toBe('coins 001.png');
  expect(drawn.bytes.subarray(1, 4).toString()).toBe('PNG');

  await page.getByLabel('Score at least').fill('0.95');
  await expect.poll(() => rows().count()).toBe(0);
  await expect.poll(() => caption().textContent()).toContain(`0 of ${count} with score 0.95 or more`);
  // What the threshold hides is not saved.
  expect(JSON.parse((await saved('Save for Labelme')).bytes.toString()).shapes).toEqual([]);

  // After a reload the model is still there, and the picture is looked at again.
  await page.reload();
  await found();
  expect(await chosen()).toBe('random');
});

it('takes what was found as labels, once', async () => {
  await addPictures(page, [coins(1)]);
  await toRoom('Try');
  await bring(file('random.safetensors', await detectorFile()));
  await page.getByRole('link', { name: 'Next' }).click();
  await found();
  const count = await rows().count();
  const take = page.getByRole('button', { name: 'Take as labels' });
  await take.click();
  await page.getByText(/proposals? for the labels of coins 001\.png/).waitFor();
  await take.click();
  await page.getByText('Nothing new for the labels of coins 001.png').waitFor();
  await toRoom('Label');
  await page
    .getByRole('button', { name: /coin.*proposal, \d+ %/ })
    .first()
    .waitFor();
  const proposals = await page.getByRole('button', { name: /coin.*proposal, / }).count();
  expect(proposals).toBeGreaterThan(0);
  expect(proposals).toBeLessThanOrEqual(count);
  // A picture that was brought is added to the project with them.
  await toRoom('Try');
  await look(coinsFile);
  await caption().getByText('coins.png').waitFor();
  await found();
  await take.click();
  await page.getByText(/proposals? for the labels of coins\.png/).waitFor();
  await toRoom('Pictures');
  await page.locator('.tile', { hasText: 'coins.png' }).waitFor();
});

it('shows maps and classes, renames and removes models', async () => {
  await addPictures(page, [coins(1)]);
  await toRoom('Try');
  await page.getByRole('link', { name: 'Next' }).click();
  await bring(file('map.safetensors', await segmenterFile()));
  await found();
  await page.getByLabel('Strength of the colours').fill('1');
  for (const [name, share] of await cells()) {
    expect(name).toBe('coin');
    expect(share).toMatch(/^[\d.]+ %$/);
  }
  expect((await saved('Save as a picture')).bytes.length).toBeGreaterThan(1000);
  await bring(file('named.safetensors', await classifierFile()));
  await page.getByText('names pictures').waitFor();
  await page.locator('.try-bars').waitFor();
  const classes = await cells();
  expect(classes.map(([name]) => name).sort()).toEqual(['coin', 'note']);
  const sum = classes.reduce((all, [, share]) => all + Number.parseFloat(share!), 0);
  expect(sum).toBeGreaterThan(99.8);
  expect(await axeFaults(page)).toEqual([]);

  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByLabel('Name of the model').fill('coins and notes');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(chosen).toBe('coins and notes');
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Remove coins and notes? This cannot be undone.').waitFor();
  await page.getByRole('button', { name: 'Remove' }).click();
  await expect.poll(chosen).toBe('map');
  // The one that is left looks at the picture.
  await page.getByLabel('Strength of the colours').waitFor();
});

it("takes an ONNX model and torchvision's weights, and leaves the one that works for a wrong one", async () => {
  const backbone = { ...SMALL_RESNET, width: 4 };
  const model = new RetinaNet({ numClasses: 1, backbone, pyramidWidth: 8, seed: 1 });
  model.head.classification_head.cls_logits.bias!.state.initial.fill(1);
  const preprocessing = { maxSide: 96 };
  const trained = { name: 'retinanet', model, classNames: ['coin'], preprocessing } as const;
  const metadata = { 'fovea.model': JSON.stringify(metadataOf(trained)) };
  const onnx = await exportOnnx(model, { images: [1, 96, 96, 3] }, { metadata });
  await toRoom('Try');
  await bring(file('retinanet.onnx', onnx));
  await expect.poll(chosen).toBe('retinanet');
  await look(coinsFile);
  await found();
  const count = await rows().count();
  expect(count).toBeGreaterThan(0);
  await expect.poll(() => rows().first().textContent()).toContain('coin');

  const { tensors } = await loadWeights(
    path.join(import.meta.dirname, '../fixtures/models/retinanet-eval/weights.safetensors'),
  );
  const pth = file('narrow.pth', writeTorch(tensors));
  await page.getByText('Weights of torchvision').click();
  await page.getByLabel('Architecture').fill('retinanet_resnet50_fpn');
  await bring(pth);
  await alert()
    .getByText(/^narrow\.pth: /)
    .waitFor();
  expect(await chosen()).toBe('retinanet');
  await expect.poll(() => rows().count()).toBe(count);
  await page.getByLabel('Architecture').fill('');
  await bring(pth);
  await expect.poll(chosen).toBe('narrow');
  await found();
  await expect.poll(() => alert().count()).toBe(0);
});

it('takes a picture and a model that are dropped', async () => {
  await toRoom('Try');
  const drop = (name: string, bytes: Uint8Array) =>
    page.evaluate(
      ([name, base64]) => {
        const data = new DataTransfer();
        const content = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
        data.items.add(new File([content], name, { type: name.endsWith('.png') ? 'image/png' : '' }));
        const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
        document.querySelector('.try')!.dispatchEvent(event);
      },
      [name, Buffer.from(bytes).toString('base64')] as const,
    );
  await page.getByText('No model yet').waitFor();
  await drop('dropped.png', COINS);
  await caption().getByText('dropped.png').waitFor();
  await drop('dropped.safetensors', await detectorFile());
  await expect.poll(chosen).toBe('dropped');
  await found();
});

it('offers the model that the server was started with', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fovea-try-'));
  const weights = path.join(folder, 'random.safetensors');
  writeFileSync(weights, await detectorFile());
  const given = await serve(weights);
  try {
    const own = await studio.visitor();
    page = await own.newPage();
    await page.goto(new URL('#/try', given.url).href);
    await expect.poll(chosen).toBe('model.safetensors, from this server');
    await look(coinsFile);
    await found();
    await expect.poll(() => rows().count()).toBeGreaterThan(0);
    expect(await chosen()).toBe('model.safetensors');
    await own.close();
  } finally {
    given.stop();
    rmSync(folder, { recursive: true });
  }
});

it('says where a browser has no WebGPU, and shows pictures all the same', async () => {
  const own = await studio.visitor();
  await own.addInitScript(() => Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined }));
  page = await studio.open(own, '#/try');
  await alert().getByText('This browser has no WebGPU').waitFor();
  await look(coinsFile);
  await caption().getByText('coins.png').waitFor();
  await own.close();
});
