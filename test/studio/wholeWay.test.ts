import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Download, Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { foveaHere } from '../cli/here.ts';
import { unpackInto } from './exportProject.ts';
import { addPictures, coins, enterRoom, Studio } from './studioPage.ts';
import { Visit } from './trainPage.ts';

// From an empty page to a model, as a visitor goes: pictures, labels by the pointer, training, trying, and the files on disk.

interface Outline {
  readonly points: readonly (readonly [number, number])[];
}
const { shapes, imageWidth, imageHeight } = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../examples/coins/coins.json'), 'utf8'),
) as { readonly shapes: readonly Outline[]; readonly imageWidth: number; readonly imageHeight: number };

const studio = Studio.ofTests();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-whole-way-'));
  return () => rmSync(folder, { recursive: true });
});

/** Opens the picture of coins in the room of labels. */
async function openCoins(): Promise<Visit> {
  const visit = await Visit.begin(studio);
  const { page, context } = visit;
  // Without the dialog for files, which no test can answer.
  await context.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  await page.reload();
  await addPictures(page, [coins(1)]);
  await page.locator('.tile').first().click();
  await page.locator('.label-canvas').first().waitFor();
  await page.getByLabel('Name of a new class').fill('coin');
  await page.getByRole('button', { name: 'Add class' }).click();
  return visit;
}

/** Finds places of the picture on the page, where the whole picture is in view. */
async function placesOn(page: Page): Promise<(point: readonly [number, number]) => [number, number]> {
  const box = (await page.locator('.label-canvas').first().boundingBox())!;
  const scale = Math.min((box.width - 24) / imageWidth, (box.height - 24) / imageHeight, 8);
  return ([x, y]) => [
    box.x + box.width / 2 + (x - imageWidth / 2) * scale,
    box.y + box.height / 2 + (y - imageHeight / 2) * scale,
  ];
}

/** The outline as a hand clicks it: no two points next to each other, which is how a polygon is ended. */
const clicked = ({ points }: Outline) => {
  const kept: (readonly [number, number])[] = [];
  for (const [x, y] of points) {
    if (kept.every(([a, b]) => Math.hypot(x - a, y - b) > 6)) kept.push([x, y]);
  }
  return kept;
};

/** The outline moved towards its middle, by so many pixels of the picture. */
function inset({ points }: Outline, by: number): [number, number][] {
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [cx, cy] = [mean(0), mean(1)];
  return points.map(([x, y]) => {
    const radius = Math.hypot(x - cx, y - cy);
    const scale = Math.max(0, radius - by) / radius;
    return [cx + (x - cx) * scale, cy + (y - cy) * scale];
  });
}

const toFile = async (download: Promise<Download>, name?: string): Promise<string> => {
  const file = await download;
  const to = path.join(folder, name ?? file.suggestedFilename());
  await file.saveAs(to);
  return to;
};

/** Lets the newest model look at the picture. */
async function tryPicture(page: Page): Promise<void> {
  await enterRoom(page, 'Try');
  await page.getByLabel('Which model').waitFor();
  const next = page.getByRole('link', { name: 'Next' });
  if ((await next.count()) > 0) await next.click();
}

/** Saves the data set as COCO, and the newest model; returns their places on disk. */
async function takeAway(page: Page): Promise<{ readonly data: string; readonly model: string }> {
  await enterRoom(page, 'Export');
  const zip = toFile(page.waitForEvent('download'), 'data.zip');
  await page.getByRole('button', { name: 'Save the data set' }).click();
  const data = path.join(folder, 'data');
  unpackInto(data, readFileSync(await zip));
  const weights = toFile(page.waitForEvent('download'));
  await page
    .getByRole('button', { name: /\.safetensors/ })
    .first()
    .click();
  return { data, model: await weights };
}

/** What the command line says of the model on the data. */
async function evaluated(files: { readonly data: string; readonly model: string }): Promise<string> {
  const { code, stdout, stderr } = await foveaHere('eval', files.model, '--data', files.data);
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  return stdout;
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('the whole way in the studio', () => {
  it('leads to a detector, by polygons', async () => {
    const visit = await openCoins();
    const { page } = visit;
    await page.getByRole('button', { name: 'Polygon', exact: true }).click();
    const place = await placesOn(page);
    for (const outline of shapes) {
      for (const point of clicked(outline)) await page.mouse.click(...place(point));
      await page.keyboard.press('Enter');
    }
    await page.getByRole('button', { name: 'coin 24 objects' }).waitFor();
    await visit.enter('Train');
    await visit.choose({ Steps: 150, 'Side of the crops, in pixels': 128 });
    await page.getByLabel('How crops are varied').selectOption('aerial');
    await page.getByText('150 steps of 4 crops of 128 x 128 pixels').waitFor();
    await visit.train();
    await visit.finished();
    await tryPicture(page);
    const rows = page.locator('.try-results tbody tr');
    await rows.first().waitFor();
    await page.getByLabel('Score at least').fill('0.3');
    await expect.poll(() => rows.count()).toBeGreaterThanOrEqual(20);
    const found = await evaluated(await takeAway(page));
    expect(Number(/AP@\.5\D+([\d.]+)/.exec(found)?.[1]), found).toBeGreaterThanOrEqual(0.95);
    await visit.end();
  });

  it('leads to a segmenter, by the brush', async () => {
    const visit = await openCoins();
    const { page } = visit;
    await page.getByRole('button', { name: 'Brush', exact: true }).click();
    const place = await placesOn(page);
    for (const outline of shapes) {
      // The brush is 20 pixels wide: along the edge, and once more for the middle.
      const [first, ...others] = [...inset(outline, 10), inset(outline, 10)[0]!, ...inset(outline, 22)];
      await page.mouse.move(...place(first!));
      await page.mouse.down();
      for (const point of others) await page.mouse.move(...place(point), { steps: 2 });
      await page.mouse.up();
      await page.keyboard.press('Escape');
    }
    await page.getByRole('button', { name: 'coin 24 objects' }).waitFor();
    await visit.enter('Train');
    await page.getByLabel('What it learns').selectOption('segment');
    await visit.choose({ Steps: 100, 'Side of the crops, in pixels': 96, 'Crops per step': 2 });
    await page.getByLabel('How crops are varied').selectOption('aerial');
    await page.getByText('100 steps of 2 crops of 96 x 96 pixels').waitFor();
    await visit.train();
    await visit.finished();
    await tryPicture(page);
    await page.getByLabel('Strength of the colours').waitFor();
    const found = await evaluated(await takeAway(page));
    expect(Number(/IoU\D+([\d.]+)/.exec(found)?.[1]), found).toBeGreaterThanOrEqual(0.9);
    await visit.end();
  });
});
