import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ensureBuilt } from '../../scripts/built.mjs';
import { launchBrowser, openPage, type Served, serve } from '../browser/browser.ts';

const COINS = readFileSync(path.join(import.meta.dirname, '../../examples/coins/coins.png'));

let browser: Browser;
let server: Served;
let context: BrowserContext;
let page: Page;
let thrown: string[];

beforeAll(async () => {
  await ensureBuilt(['web']);
  server = await serve();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  server?.stop();
});

beforeEach(async () => {
  thrown = [];
  context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  page = await openPage(context);
  page.on('pageerror', (error) => thrown.push(error.message));
  page.setDefaultTimeout(60_000);
  await page.goto(`${server.url}`);
  const files = [1, 2, 3].map((i) => ({
    name: `coins ${i}.png`,
    mimeType: 'image/png',
    buffer: Buffer.concat([COINS, Buffer.from(String(i))]),
  }));
  await page.locator('label', { hasText: 'Add pictures' }).locator('input').setInputFiles(files);
  await page.getByText('3 pictures added').waitFor();
  return async () => {
    await context.close();
    expect(thrown).toEqual([]);
  };
});

const openTile = async (name: string) => {
  await page.locator('.tile', { hasText: name }).click();
  await page.locator('.label-canvas').first().waitFor();
};
const canvas = async () => (await page.locator('.label-canvas').first().boundingBox())!;
/** Draws a box between two places of the canvas, in parts of it. */
async function drawBox(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  await page.getByRole('button', { name: 'Box', exact: true }).click();
  const { x, y, width, height } = await canvas();
  await page.mouse.move(x + from[0] * width, y + from[1] * height);
  await page.mouse.down();
  await page.mouse.move(x + to[0] * width, y + to[1] * height, { steps: 4 });
  await page.mouse.up();
}
async function addClass(name: string): Promise<void> {
  await page.getByLabel('Name of a new class').fill(name);
  await page.getByRole('button', { name: 'Add class' }).click();
}
const objects = () => page.getByRole('button', { name: /coin box, / });

it('what is drawn is there after a reload, and in the grid', async () => {
  await openTile('coins 2');
  await addClass('coin');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await drawBox([0.55, 0.3], [0.7, 0.5]);
  expect(await objects().count()).toBe(2);
  await page.reload();
  await objects().nth(1).waitFor();
  await page.getByRole('link', { name: 'Pictures' }).click();
  await page.locator('.tile', { hasText: 'coins 2' }).getByText('2 objects').waitFor();
});

it('goes from picture to picture, and copies what the one before has', async () => {
  await openTile('coins 1');
  await addClass('coin');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await page.keyboard.press('PageDown');
  await page.getByText('2 of 3').waitFor();
  await page.getByRole('button', { name: 'Copy the labels of the picture before' }).click();
  await objects().first().waitFor();
  // Classes count in all pictures.
  await page.getByRole('button', { name: 'coin 2 objects' }).waitFor();
  await page.getByLabel('Everything is labelled').check();
  await page.keyboard.press('PageUp');
  await page.getByText('1 of 3').waitFor();
  await page.getByRole('link', { name: 'Pictures' }).click();
  await page.locator('.tile', { hasText: 'coins 2' }).getByText('1 object · done').waitFor();
});

it('makes a class for the first object, which can be renamed', async () => {
  await openTile('coins 1');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await page.getByText('The class “object” was made for it.').waitFor();
  await drawBox([0.55, 0.3], [0.7, 0.5]);
  await page.getByRole('button', { name: 'object 2 objects' }).waitFor();
  await page.getByRole('button', { name: 'Edit object' }).click();
  await page.getByLabel('Name', { exact: true }).fill('coin');
  await page.keyboard.press('Enter');
  await page.reload();
  await objects().nth(1).waitFor();
  expect(await page.locator('.label-classes li').count()).toBe(1);
});

it('goes on in another tab with what the first one has', async () => {
  await openTile('coins 1');
  const other = await openPage(context);
  other.setDefaultTimeout(60_000);
  other.on('pageerror', (error) => thrown.push(error.message));
  await other.goto(page.url());
  await other.locator('.label-canvas').first().waitFor();
  // After the other one was opened, and seen there at once.
  await addClass('coin');
  await drawBox([0.3, 0.3], [0.45, 0.5]);
  await other.locator('.label-classes').getByText('coin').waitFor();
  await other.getByText('Edit it here').click();
  await other.getByRole('button', { name: /coin box, / }).waitFor();
  await other.getByLabel('Name of a new class').fill('bolt');
  await other.getByRole('button', { name: 'Add class' }).click();
  await page.locator('.label-classes').getByText('bolt').waitFor();
  await other.reload();
  await other.locator('.label-classes').getByText('bolt').waitFor();
  expect(await other.locator('.label-classes li').count()).toBe(2);
});
