import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import { detectorFile, segmenterFile } from './modelFiles.ts';
import { addPictures, axeFaults, chooser, coins, enterRoom, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;

beforeEach(async () => {
  context = await studio.visitor();
  page = await studio.open(context);
  await addPictures(page, [1, 2, 3].map(coins));
  return () => studio.leave(context);
});

const toRoom = (name: string) => enterRoom(page, name);
const bring = async (name: string, bytes: Uint8Array) => {
  await toRoom('Try');
  const buffer = Buffer.from(bytes);
  await chooser(page, 'Model from a file').setInputFiles([
    { name, mimeType: 'application/octet-stream', buffer },
  ]);
  await page.getByText('classes coin').waitFor();
};
const proposals = () => page.getByRole('button', { name: /coin.*proposal, \d+ %/ });
const status = () => page.locator('.label-assist [role="status"]');

it('proposes for the open picture, by a key too, and each object once', async () => {
  await toRoom('Label');
  await page.locator('.label-canvas').first().waitFor();
  await expect.poll(() => page.getByRole('button', { name: 'Propose', exact: true }).count()).toBe(0);
  await bring('random.safetensors', await detectorFile());
  await toRoom('Label');
  await page.getByRole('button', { name: 'Propose', exact: true }).click();
  await status()
    .getByText(/^\d+ proposals?$/)
    .waitFor();
  const count = await proposals().count();
  expect(count).toBeGreaterThan(0);
  // The class of the model is one of the project now.
  await page.getByRole('button', { name: /^coin \d/ }).waitFor();
  await page.locator('.label-canvas').first().focus();
  await page.keyboard.press('Shift+A');
  await status().getByText('Nothing new').waitFor();
  await expect.poll(() => proposals().count()).toBe(count);
  expect(await axeFaults(page)).toEqual([]);
  await page.getByRole('button', { name: /^Undo/ }).click();
  await expect.poll(() => proposals().count()).toBe(0);
  // Letters that are typed are no keys.
  await page.getByLabel('Name of a new class').focus();
  await page.keyboard.press('Shift+A');
  await expect.poll(() => page.getByLabel('Name of a new class').inputValue()).toBe('A');
  await expect.poll(() => proposals().count()).toBe(0);
});

it('proposes for all pictures that are not labelled, and masks of a segmenter', async () => {
  await bring('random.safetensors', await detectorFile());
  await toRoom('Label');
  await page.getByRole('button', { name: 'Propose for 3 unlabelled' }).click();
  await status()
    .getByText(/^\d+ proposals?$/)
    .waitFor();
  await page.getByRole('button', { name: /^Accept \d+ proposals?$/ }).click();
  await expect.poll(() => proposals().count()).toBe(0);
  await page.keyboard.press('PageDown');
  await page.getByText('2 of 3').waitFor();
  await proposals().first().waitFor();
  await page.reload();
  await proposals().first().waitFor();
  await page.getByRole('button', { name: 'Propose for 2 unlabelled' }).waitFor();

  await bring('map.safetensors', await segmenterFile());
  await toRoom('Label');
  await page.getByLabel('Model that proposes').selectOption({ label: 'map' });
  await page.getByRole('button', { name: 'Propose', exact: true }).click();
  await status()
    .getByText(/^(\d+ proposals?|Nothing new)$/)
    .waitFor();
});

it('labels what is clicked, once', async () => {
  await toRoom('Label');
  await page.locator('.label-canvas').first().waitFor();
  const tool = page.getByRole('button', { name: 'Click', exact: true });
  await expect.poll(() => tool.count()).toBe(0);
  await bring('random.safetensors', await segmenterFile());
  await toRoom('Label');
  await tool.click();
  const canvas = page.locator('.label-canvas').first();
  const { width, height } = (await canvas.boundingBox())!;
  const objects = page.getByRole('button', { name: /^coin (?:mask|polygon|box), / });
  // A random network finds regions here and there: the first click that meets one labels it.
  const said = async (x: number, y: number): Promise<string> => {
    await canvas.click({ position: { x: x * width, y: y * height } });
    await status()
      .getByText(/^(?:Labelled|The model finds nothing there)$/)
      .waitFor();
    return (await status().textContent())!;
  };
  const places = Array.from(
    { length: 25 },
    (_, i) => [0.3 + (i % 5) / 10, 0.3 + Math.floor(i / 5) / 10] as const,
  );
  let met: readonly [number, number] | undefined;
  for (const place of places) {
    if ((await said(...place)) === 'Labelled') {
      met = place;
      break;
    }
    await expect.poll(() => objects.count()).toBe(0);
  }
  expect(met).toBeDefined();
  await expect.poll(() => objects.count()).toBe(1);
  await expect.poll(() => proposals().count()).toBe(0);
  // What is labelled is not labelled again.
  expect(await said(...met!)).toBe('The model finds nothing there');
  await expect.poll(() => objects.count()).toBe(1);
  await page.getByRole('button', { name: /^Undo/ }).click();
  await expect.poll(() => objects.count()).toBe(0);
  // By keys alone: the crosshair, and Enter.
  await canvas.focus();
  await page.keyboard.press('Shift+C');
  await page.keyboard.press('Enter');
  await status()
    .getByText(/^(?:Labelled|The model finds nothing there)$/)
    .waitFor();
  expect(await axeFaults(page)).toEqual([]);
});
